import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import { createRedact } from '../base/redact.ts'
import { loadConfig } from '../config/load.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { createLog } from '../telemetry/log.ts'
import { attemptRecord } from '../telemetry/testing/attempt-record.ts'
import { openTracing } from './tracing.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(async () => {
  await database.db.deleteFrom('agentos_spans').execute()
  await database.db.deleteFrom('agentos_traces').execute()
})

/** Takes every request and counts them. */
async function startCollector() {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    request.resume().once('end', () => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** How many spans are stored of one attempt, with these settings. */
async function storedWith(settings: Readonly<Record<string, string>>): Promise<number> {
  const log = createLog({ level: 'error', format: 'json', redact: createRedact([]), write: () => undefined })
  const tracing = openTracing(loadConfig(settings), {
    database: { background: database.db },
    replicaId: 'replica-1',
    clock: systemClock,
    ids: createIds(systemClock),
    log,
    redact: createRedact([]),
  })
  tracing.record(attemptRecord())
  await tracing.close()
  return (await database.db.selectFrom('agentos_spans').select('span_id').execute()).length
}

test.each([
  ['both', {}, 1, 1],
  ['the collector only', { AGENTOS_TRACE_STORE: 'false' }, 0, 1],
  ['nobody', { AGENTOS_TRACING: 'false' }, 0, 0],
])('traces go to %s', async (_, settings, stored, sent) => {
  await using collector = await startCollector()
  expect(await storedWith({ ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })).toBe(stored)
  expect(collector.requests()).toBe(sent)
})

test('without a collector, traces that are not stored go nowhere, and the server runs on', async () => {
  expect(await storedWith({ AGENTOS_TRACE_STORE: 'false' })).toBe(0)
  expect(await storedWith({})).toBe(1)
})
