/**
 * Profiles of the running server: from a slow tool to the line that makes it slow, and nothing that keeps a server from
 * stopping.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { fake } from './script.ts'
import { startServer } from './server-process.ts'

/** Line 7, counted from 1, is the slow one. */
const SLOW = `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const kept: string[] = []
function searchEverything(rounds: number): number {
  let found = 0
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < 200_000; at++) found += Math.sqrt(at * round)
  }
  for (let at = 0; at < 20_000; at++) kept.push(\`entry \${at} of the search of \${Math.round(found)}\`)
  return found
}
const act = tool({ name: 'act', description: 'Acts', input: z.object({}), run: () => searchEverything(500) })
export default agent({ id: 'slow', tools: [act] })
`

type Node = { callFrame: { functionName: string; url: string; lineNumber: number }; hitCount?: number }

const hottest = (profile: string, url: string) => {
  const { nodes } = JSON.parse(profile) as { nodes: Node[] }
  return nodes
    .filter(({ callFrame }) => callFrame.url === url)
    .toSorted((a, b) => (b.hitCount ?? 0) - (a.hitCount ?? 0))
}

test('a profile of the agents names the function that makes a run slow; one of the main thread does not', async () => {
  await using provider = await startProvider()
  await using folder = await createFolder({ 'slow.ts': SLOW })
  await using data = await copyPreparedData()
  await using server = await startServer({ dir: folder.path, dataDir: data.path, env: provider.env })
  const client = createClient({ baseUrl: server.url })
  const taken = Promise.all([client.profiles.cpu({ seconds: 2 }), client.profiles.cpu({ thread: 'main', seconds: 2 })])
  await client.run('slow', { message: fake({ tool: 'act', text: 'Done' }) })
  const [agents, main] = await taken
  const source = `file://${folder.path}/slow.ts`
  const [hot] = hottest(await agents.content.text(), source)
  expect(hot?.callFrame).toMatchObject({ functionName: 'searchEverything', lineNumber: 3 })
  expect(hot?.hitCount).toBeGreaterThan(20)
  const other = await main.content.text()
  expect(other).toContain('http/register.ts')
  expect(other).not.toContain('searchEverything')

  const heap = client.profiles.heap({ seconds: 2 })
  await client.run('slow', { message: fake({ tool: 'act', text: 'Done' }) })
  expect(await (await heap).content.text()).toContain('"functionName":"searchEverything"')
})

test('a server that is asked to stop does not wait for its profiles, nor for clients that left theirs', async () => {
  await using folder = await createFolder({ 'slow.ts': SLOW })
  await using data = await copyPreparedData()
  await using server = await startServer({ dir: folder.path, dataDir: data.path })
  const client = createClient({ baseUrl: server.url })
  const leaving = new AbortController()
  const left = client.profiles.heap({ thread: 'main', seconds: 60 }, leaving.signal)
  const taken = client.profiles.cpu({ seconds: 60 }).catch((error: unknown) => error)
  await client.health()
  await until('a profile that is taken', async () => {
    const answer = await fetch(`${server.url}/admin/profiles/cpu`, { method: 'POST' })
    return answer.status === 409
  })
  leaving.abort()
  await expect(left).rejects.toThrow('aborted')
  const began = performance.now()
  expect(await server.stop()).toBe(0)
  expect(await taken).toMatchObject({ status: 503, body: { error_id: 'DRAINING' } })
  expect(performance.now() - began).toBeLessThan(15_000)
})
