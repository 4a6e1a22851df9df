import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import { createRedact } from '../base/redact.ts'
import { loadConfig } from '../config/load.ts'
import { startFakeProvider } from '../models/fake-provider.ts'
import { createLog } from '../telemetry/log.ts'
import { openLentModels } from './lent-models.ts'

function open(defaultModel: string, env: Record<string, string> = {}) {
  const redact = createRedact([])
  const log = createLog({ level: 'error', format: 'json', redact, write: () => {} })
  const models = openLentModels(loadConfig(env), {
    clock: systemClock,
    ids: createIds(systemClock),
    log,
    redact,
    defaultModel,
  })
  return { ...models, [Symbol.asyncDispose]: models.close }
}

test('answers a prompt with the model of the settings', async () => {
  await using provider = await startFakeProvider()
  await using models = open('openai-compatible:fake:text=42', { OPENAI_COMPATIBLE_BASE_URL: provider.baseUrl })
  expect(await models.complete?.('Where does it end?', AbortSignal.timeout(10_000))).toBe('42')
  const [request] = await provider.requests()
  expect(JSON.parse(request?.body ?? '')).toMatchObject({ messages: [{ role: 'user', content: 'Where does it end?' }] })
})

test('has no answers where the model is the demo, and names no model that does not exist', async () => {
  await using models = open('demo:assistant')
  expect(models.complete).toBeUndefined()
  expect((await models.resolve()).name).toEqual({ provider: 'demo', id: 'assistant' })
  await expect(async () => models.resolve('nope:x')).rejects.toThrow(/provider "nope" is not known/)
})
