import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRunOutput, type PrintStream, readMarked } from './run-output.ts'

/** A stream that keeps its lines, as the main thread reads them. */
function openStream() {
  let text = ''
  const stream: PrintStream = {
    write: (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown) => {
      text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') done()
      return true
    },
  }
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(readMarked)
  return { stream, lines }
}

test('a line carries the ids of the code that prints it, also later and deeper, and none where there is no run', async () => {
  const { stream, lines } = openStream()
  const output = createRunOutput([stream])
  stream.write('before\n')
  const timers: Promise<void>[] = []
  await output.run({ run_id: 'a' }, async () => {
    stream.write('first\n')
    await delay(1)
    await output.run({ run_id: 'a', span_id: 's' }, async () => void stream.write(Buffer.from('tool\n')))
    timers.push(delay(5).then(() => void stream.write('after the run\n')))
  })
  await Promise.all(timers)
  expect(lines()).toEqual([
    { text: 'before', fields: {} },
    { text: 'first', fields: { run_id: 'a' } },
    { text: 'tool', fields: { run_id: 'a', span_id: 's' } },
    { text: 'after the run', fields: { run_id: 'a' } },
  ])
})

test('parts of lines of two runs do not mix, and what is left is told when the code ends', async () => {
  const { stream, lines } = openStream()
  const output = createRunOutput([stream])
  const print = (id: string) =>
    output.run({ run_id: id }, async () => {
      stream.write(`one `)
      await delay(1)
      stream.write(`of ${id}\ntwo`)
    })
  await Promise.all([print('a'), print('b')])
  expect(lines()).toEqual([
    { text: 'one of a', fields: { run_id: 'a' } },
    { text: 'two', fields: { run_id: 'a' } },
    { text: 'one of b', fields: { run_id: 'b' } },
    { text: 'two', fields: { run_id: 'b' } },
  ])
})

test('whoever waits for a write hears when it is done, whichever way it was called', async () => {
  const { stream } = openStream()
  const output = createRunOutput([stream])
  let heard = 0
  await output.run({ run_id: 'a' }, async () => {
    stream.write('x\n', () => heard++)
    stream.write('eA==', 'base64', () => heard++)
  })
  expect(heard).toBe(2)
  expect(output.fields()).toEqual({})
})

test('what only looks like ids is text', () => {
  for (const text of ['plain', '\u001Fno end', '\u001Fnot json\u001Fx', '\u001F[1]\u001Fx']) {
    expect(readMarked(text)).toEqual({ text, fields: {} })
  }
})
