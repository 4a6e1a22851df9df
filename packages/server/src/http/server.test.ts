import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import { createLog } from '../telemetry/log.ts'
import { createServer } from './server.ts'

const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

test('an answer that comes while the server closes ends its connection, so that closing does not wait for it', async () => {
  const app = createServer({
    clock: systemClock,
    ids: createIds(systemClock),
    log,
    redact: (text) => text,
    bodyLimitBytes: 1024,
    accessLog: 'off',
  })
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  app.get('/slow', () => {
    asked.resolve()
    return answer.promise
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const response = fetch(`${url}/slow`)
  await asked.promise
  const closed = app.close()
  // Until it waits for the connection.
  await new Promise((done) => setTimeout(done, 50))
  answer.resolve('late')
  const { headers } = await response
  expect(headers.get('connection')).toBe('close')
  await closed
})
