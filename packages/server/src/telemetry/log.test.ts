import { expect, test } from 'vitest'
import { createRedact } from '../base/redact.ts'
import { createLog } from './log.ts'

function open(format: 'json' | 'pretty', level: 'debug' | 'info' = 'info') {
  const lines: string[] = []
  const log = createLog({ level, format, redact: createRedact(['hunter22']), write: (line) => lines.push(line) })
  return { log, lines }
}

test('a line is JSON with time, level, message and fields', () => {
  const { log, lines } = open('json')
  log.child({ replica_id: 'r' }).info('listening', { port: 8000 })
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    replica_id: 'r',
    port: 8000,
    message: 'listening',
  })
})

test('an error is written with its message and causes, and no secret passes', () => {
  const { log, lines } = open('json')
  log.error('failed', { error: new Error('no luck with hunter22', { cause: new Error('why') }), url: 'pg://u:pw@h' })
  expect(lines[0]).toContain('no luck with [redacted]')
  expect(lines[0]).toContain('why')
  expect(lines[0]).not.toMatch(/hunter22|:pw@/)
})

test('less than the level is not written', () => {
  const { log, lines } = open('json')
  log.debug('detail')
  expect(lines).toEqual([])
})

test('a pretty line names level, message and fields, with the stack below', () => {
  const { log, lines } = open('pretty')
  log.warn('slow', { ms: 12, who: 'db', why: 'two\nlines', request_id: 'r', error: new Error('boom') })
  // oxlint-disable-next-line no-control-regex -- the colours are escape sequences
  const text = (lines[0] ?? '').replaceAll(/\u001B\[\d+m/g, '')
  expect(text).toMatch(/^\d\d:\d\d:\d\d warn {2}slow {2}ms=12 who=db\n {6}two\n {6}lines\n/)
  expect(text).toContain('Error: boom')
})
