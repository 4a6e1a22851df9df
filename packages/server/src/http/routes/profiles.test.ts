import { createClient } from '@agentos/wire/client'
import { describe, expect, test } from 'vitest'
import { AgentOSError } from '../../base/errors.ts'
import type { ProfileRequest } from '../../telemetry/profiler.ts'
import type { ProfiledThread } from '../deps.ts'
import { createTestApp } from '../testing/test-app.ts'

type Asked = ProfileRequest & { readonly thread: ProfiledThread; readonly signal: AbortSignal }

/** Takes what it is asked for, and answers as the test says. */
function scriptProfiles(answer: (asked: Asked) => Promise<Uint8Array>) {
  const asked: Asked[] = []
  return {
    asked,
    take: (thread: ProfiledThread, request: ProfileRequest, signal: AbortSignal) => {
      asked.push({ ...request, thread, signal })
      return answer({ ...request, thread, signal })
    },
  }
}

const text = (value: string) => Promise.resolve(new TextEncoder().encode(value))
/** Until it is told to stop. */
const hang = ({ signal }: Asked) =>
  new Promise<Uint8Array>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

describe.each(['cpu', 'heap'] as const)('POST /admin/profiles/%s', (kind) => {
  const url = `/admin/profiles/${kind}`

  test('answers a file that the tools know by its name', async () => {
    const profiles = scriptProfiles(() => text('{"a":"ü"}'))
    await using server = await createTestApp({ profiles })
    const answer = await server.app.inject({ method: 'POST', url })
    expect([answer.statusCode, answer.body]).toEqual([200, '{"a":"ü"}'])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '10',
      'cache-control': 'no-store',
      connection: 'close',
      'content-disposition': expect.stringMatching(
        new RegExp(`^attachment; filename="agents-\\d{8}T\\d{6}Z\\.${kind}profile"$`),
      ),
    })
    expect(profiles.asked).toMatchObject([{ kind, thread: 'agents', seconds: 10, garbage: false }])
  })

  test('takes thread and seconds, and refuses others', async () => {
    const profiles = scriptProfiles(() => text('{}'))
    await using server = await createTestApp({ profiles })
    const ask = async (query: string) =>
      (await server.app.inject({ method: 'POST', url: `${url}?${query}` })).statusCode
    expect(await ask('thread=main&seconds=60')).toBe(200)
    expect(profiles.asked).toMatchObject([{ kind, thread: 'main', seconds: 60 }])
    for (const query of ['seconds=0', 'seconds=61', 'seconds=1.5', 'thread=other']) expect(await ask(query)).toBe(422)
    expect(profiles.asked).toHaveLength(1)
  })

  test('is stopped when its client goes away', async () => {
    const profiles = scriptProfiles(hang)
    await using server = await createTestApp({ profiles })
    const leaving = new AbortController()
    const answer = fetch((await server.listen()) + url, { method: 'POST', signal: leaving.signal })
    await expect.poll(() => profiles.asked.length).toBe(1)
    leaving.abort()
    await expect(answer).rejects.toThrow('aborted')
    await expect.poll(() => profiles.asked[0]?.signal.aborted).toBe(true)
    await server.app.close()
    expect(server.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  test.each(['PROFILE_RUNNING', 'PROFILE_TOO_LARGE', 'WORKER_LOST', 'DRAINING'] as const)(
    'answers %s as it is',
    async (code) => {
      const profiles = scriptProfiles(() => Promise.reject(new AgentOSError(code, 'so it is')))
      await using server = await createTestApp({ profiles })
      const answer = await server.app.inject({ method: 'POST', url })
      const { status, next } = new AgentOSError(code, '')
      expect([answer.statusCode, answer.json()]).toEqual([status, { detail: 'so it is', error_id: code, next }])
    },
  )

  test('is for callers with the key', async () => {
    const profiles = scriptProfiles(() => text('{}'))
    await using server = await createTestApp({ profiles, settings: { securityKey: 'the-security-key' } })
    const ask = (headers: Record<string, string>) => server.app.inject({ method: 'POST', url, headers })
    expect((await ask({})).statusCode).toBe(401)
    expect((await ask({ authorization: 'Bearer wrong' })).statusCode).toBe(401)
    expect(profiles.asked).toEqual([])
    expect((await ask({ authorization: 'Bearer the-security-key' })).statusCode).toBe(200)
  })

  test('comes to the typed client with its name', async () => {
    const profiles = scriptProfiles(() => text('{"a":1}'))
    await using server = await createTestApp({ profiles })
    const client = createClient({ baseUrl: await server.listen() })
    const { name, content } = await client.profiles[kind]({ thread: 'main', seconds: 2 })
    expect([name, await content.text()]).toEqual([expect.stringMatching(/^main-.*profile$/), '{"a":1}'])
    expect(profiles.asked).toMatchObject([{ kind, thread: 'main', seconds: 2 }])
  })
})

test('garbage is counted when a heap profile asks for it', async () => {
  const profiles = scriptProfiles(() => text('{}'))
  await using server = await createTestApp({ profiles })
  const client = createClient({ baseUrl: await server.listen() })
  await client.profiles.heap({ garbage: true })
  await client.profiles.heap({ garbage: false })
  expect(profiles.asked).toMatchObject([{ garbage: true }, { garbage: false }])
})

test('a client that does not read its profile does not keep the server from closing', async () => {
  const profiles = scriptProfiles(() => Promise.resolve(new Uint8Array(30_000_000)))
  const server = await createTestApp({ profiles })
  const answer = await fetch(`${await server.listen()}/admin/profiles/cpu`, { method: 'POST' })
  expect(answer.status).toBe(200)
  await server[Symbol.asyncDispose]()
  await expect(answer.arrayBuffer()).rejects.toThrow('terminated')
})
