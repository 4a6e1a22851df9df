/**
 * What is attached to a message: reaches the model, is there again in the next run, survives the server, is served back,
 * and goes with its user.
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentSource, createFolder, type Folder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, ENGINES, type TestDatabase } from './database.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { runAgentOS, type ServerProcess, startServer } from './server-process.ts'

/** A Python that has Agno's client; tools/agno-client.ts installs one. */
const PYTHON = process.env['AGNO_PYTHON']
const SCRIPT = join(import.meta.dirname, 'agno', 'media.py')
const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(300_000)])
const BASE64 = PNG.toString('base64')

const files = () => [
  new File([PNG], 'cat.png', { type: 'image/png' }),
  new File(['# Remember the milk'], 'notes.md', { type: 'text/markdown' }),
]

/** What the user has said in the last request to the provider. */
function lastSaid(requests: readonly { readonly body: string }[]) {
  const { messages } = JSON.parse(requests.at(-1)?.body ?? '{}') as {
    messages: { role: string; content: string | { type: string; text?: string; image_url?: { url: string } }[] }[]
  }
  return messages.filter(({ role }) => role === 'user').map(({ content }) => content)
}
const IMAGE = `data:image/png;base64,${BASE64}`
const NOTES = '<file name="notes.md" type="text/markdown">\n# Remember the milk\n</file>'

describe.each(ENGINES)('media on %s', { timeout: 120_000 }, (engine) => {
  let database: TestDatabase
  let provider: ProviderProcess
  let folder: Folder
  let data: DataDirectory
  let env: Readonly<Record<string, string>>
  let server: ServerProcess
  const start = () => startServer({ dir: folder.path, dataDir: data.path, env })
  beforeAll(async () => {
    database = await createDatabase(engine)
    provider = await startProvider({ record: 50 })
    folder = await createFolder({
      'seer.ts': agentSource('seer'),
      'blind.ts': agentSource('blind', 'sendMediaToModel: false'),
    })
    data = await copyPreparedData()
    env = { ...database.env, ...provider.env }
    server = await start()
  }, 120_000)
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await data?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
    await provider?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
  })

  test('reach the model, come again with the history, and are served back', async () => {
    const client = createClient({ baseUrl: server.url })
    const message = 'What is it? [fake:text=A%20cat]'
    const run = await client.run('seer', { message, user_id: 'ada' }, { files: files() })
    expect(run.status).toBe('COMPLETED')
    const asked = [
      { type: 'text', text: message },
      { type: 'image_url', image_url: { url: IMAGE } },
      { type: 'text', text: NOTES },
    ]
    expect(isDeepStrictEqual(lastSaid(await provider.requests()), [asked])).toBe(true)

    const { session_id } = run
    await client.run('seer', { message: 'And now? [fake:text=Still]', session_id, user_id: 'ada' })
    const said = lastSaid(await provider.requests())
    expect(isDeepStrictEqual(said, [asked, 'And now? [fake:text=Still]'])).toBe(true)

    const [shown] = await client.sessions.runs(session_id)
    const key = shown?.input_media.images[0]?.media_reference?.storage_key ?? ''
    expect(hashOf(await client.sessions.media(session_id, key))).toBe(hashOf(PNG))
    // Bytes are in no log, event or run.
    expect(server.output().includes(BASE64.slice(0, 100))).toBe(false)
    expect(JSON.stringify(shown).length).toBeLessThan(20_000)
  })

  test('do not reach the model of an agent that is not to see them', async () => {
    const client = createClient({ baseUrl: server.url })
    const run = await client.run('blind', { message: 'Hello' }, { files: files() })
    expect(run.status).toBe('COMPLETED')
    expect(lastSaid(await provider.requests())).toEqual(['Hello'])
  })

  // Without Python there is nothing to run; `npm test` reports that as skipped.
  test.skipIf(PYTHON === undefined)("are what Agno's client sends and understands", async () => {
    const { stdout, stderr } = await promisify(execFile)(PYTHON ?? '', [SCRIPT, server.url, 'seer'], {
      env: { PATH: process.env['PATH'], AGNO_TELEMETRY: 'false' },
    })
    expect(stderr).not.toMatch(/error|unknown event/i)
    const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    const image = { id: expect.any(String), mime_type: 'image/png', key: expect.any(String), size: 70, bytes: null }
    expect(seen).toMatchObject({
      status: 'COMPLETED',
      images: [image],
      files: [{ ...image, mime_type: 'text/markdown', size: 8 }],
      message_images: [image],
      stored: { images: 1, videos: 0, audios: 0, files: 1 },
    })
    const [content] = lastSaid(await provider.requests())
    expect(JSON.stringify(content)).toContain('data:image/png;base64,iVBORw0KGgo')
    expect(JSON.stringify(content)).toContain('# Notes')
  })

  test('of a run in the queue are there when the server dies and another one takes the run up', async () => {
    const before = (await provider.stats()).requests
    const message = 'Slowly [fake:tokens=100,rate=20]'
    const run = await createClient({ baseUrl: server.url }).enqueueRun('seer', { message }, { files: files() })
    await until('the model is asked', async () => (await provider.stats()).requests > before)
    await server.kill()
    server = await start()
    const client = createClient({ baseUrl: server.url })
    const isDone = async () => (await client.getRun('seer', run.run_id, run.session_id)).status === 'COMPLETED'
    await until('the run has ended', isDone, 60_000)
    expect(JSON.stringify(lastSaid(await provider.requests())).includes(BASE64)).toBe(true)
  })

  test('go with their user, by command', async () => {
    await server.stop()
    const settings = { ...env, AGENTOS_DATA_DIR: data.path }
    const exported = await runAgentOS(['privacy', 'export', 'ada'], settings, 60_000)
    expect(exported.exitCode).toBe(0)
    const lines = exported.output.split('\n').filter((line) => /^\{"(?:table|complete)"/.test(line))
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ complete: true, rows: lines.length - 1 })
    expect(exported.output.includes(BASE64)).toBe(true)
    const erased = await runAgentOS(['privacy', 'erase', 'ada'], settings, 60_000)
    expect(erased.output).toMatch(/agentos_sessions: \d/)
    const again = await runAgentOS(['privacy', 'erase', 'ada'], settings, 60_000)
    expect(again.output).toContain('Nothing is held of user ada')
  })
})

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
