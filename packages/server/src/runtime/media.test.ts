import { expect, test } from 'vitest'
import type { Ask } from '../base/ask.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Media } from '../base/media.ts'
import type { ModelPart } from '../models/model.ts'
import { call, say, testRun, USAGE } from './test-run.ts'

const medium = (given: Partial<Media> = {}): Media => ({
  id: 'm1',
  kind: 'image',
  mimeType: 'image/png',
  stored: { hash: 'h', bytes: 3 },
  ...given,
})
const stored = (bytes: string | Error) => {
  const asked: string[] = []
  // The only kinds that these runs ask for.
  const ask = ((kind: string, question: { mediaId?: string; mimeType?: string; bytes?: Uint8Array }) => {
    asked.push(`${kind} ${question.mediaId ?? question.mimeType}`)
    if (kind === 'store-media') return Promise.resolve(medium({ id: 'made', mimeType: question.mimeType ?? '' }))
    return bytes instanceof Error ? Promise.reject(bytes) : Promise.resolve(Buffer.from(bytes))
  }) as unknown as Ask
  return { asked, ports: { ask } }
}
const USER = { role: 'user', id: 'u0', createdAt: 1, content: 'before' } as const

test('what is attached is read once and shown in every model call of the run', async () => {
  const { asked, ports } = stored('png')
  const media = [medium(), medium({ id: 'm2', mimeType: 'text/markdown', name: 'a.md' })]
  const { requests, messages, result } = await testRun({
    turns: [call(['missing', {}]), say('Fine')],
    job: { request: { media } },
    ports,
  })
  expect(result.status).toBe('COMPLETED')
  expect(asked).toEqual(['load-media m2', 'load-media m1'])
  for (const request of requests) {
    expect(request.media?.get('m1')).toEqual({ type: 'bytes', bytes: Buffer.from('png') })
    expect(request.media?.get('m2')).toEqual({ type: 'text', text: 'png' })
  }
  // The transcript has the description alone.
  expect(messages.find(({ role }) => role === 'user')).toMatchObject({ content: 'Hello', media })
})

test('an earlier message is shown with what was attached to it; what is gone is told', async () => {
  const { ports } = stored(new AgentOSError('MEDIA_NOT_FOUND', 'gone'))
  const { stored: _, ...linked } = medium({ id: 'm3', url: 'https://a.b/c.png' })
  const { requests } = await testRun({
    turns: [say('Fine')],
    job: { history: [{ ...USER, media: [medium(), linked] }] },
    ports,
  })
  expect(requests[0]?.media?.get('m1')).toEqual({ type: 'absent', why: 'it is not kept any more' })
  expect(requests[0]?.media?.get('m3')).toEqual({ type: 'url', url: 'https://a.b/c.png' })
})

test('beyond what a call may have, the oldest is not shown', async () => {
  const { asked, ports } = stored('x')
  const big = 40_000_000
  const old = medium({ id: 'old', stored: { hash: 'o', bytes: big } })
  const { requests } = await testRun({
    turns: [say('Fine')],
    job: {
      history: [{ ...USER, media: [old] }],
      request: { media: [medium({ stored: { hash: 'n', bytes: big } })] },
    },
    ports,
  })
  expect(asked).toEqual(['load-media m1'])
  expect(requests[0]?.media?.get('old')).toMatchObject({ type: 'absent' })
})

test('an agent that does not send media to its model does not read them', async () => {
  const { asked, ports } = stored('x')
  const { requests, result } = await testRun({
    agent: { sendMediaToModel: false },
    turns: [say('Fine')],
    job: { request: { media: [medium()] } },
    ports,
  })
  expect(result.status).toBe('COMPLETED')
  expect(asked).toEqual([])
  expect(requests[0]?.media).toBeUndefined()
})

test('media that cannot be read fail the run', async () => {
  const { ports } = stored(new AgentOSError('DATABASE_UNAVAILABLE', 'away'))
  const { result } = await testRun({ turns: [say('Fine')], job: { request: { media: [medium()] } }, ports })
  expect(result).toMatchObject({ status: 'ERROR', error: { code: 'DATABASE_UNAVAILABLE' } })
})

test('what the model makes is stored, stands in its reply where it was made, and is part of the result', async () => {
  const { asked, ports } = stored('')
  const { result, messages } = await testRun({
    turns: [
      (): ModelPart[] => [
        { type: 'text', text: 'Here: ' },
        { type: 'file', mimeType: 'image/webp', bytes: Buffer.from('w') },
        { type: 'text', text: 'done' },
        { type: 'finish', usage: USAGE, reason: 'stop' },
      ],
    ],
    ports,
  })
  expect(asked).toEqual(['store-media image/webp'])
  expect(result.content).toBe('Here: done')
  expect(result.media).toEqual([medium({ id: 'made', mimeType: 'image/webp' })])
  expect(messages.at(-1)).toMatchObject({
    parts: [{ type: 'text', text: 'Here: ' }, { type: 'media' }, { type: 'text', text: 'done' }],
  })
})
