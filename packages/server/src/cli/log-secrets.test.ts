import { expect, test } from 'vitest'
import { AgentOSError } from '../base/errors.ts'
import { createRedact } from '../base/redact.ts'
import { loadConfig } from '../config/load.ts'
import { createLog } from '../telemetry/log.ts'

const SECRETS = {
  key: 'open/"sesame" 1',
  password: 'p@ss/w:rd"9',
  apiKey: 'key-of-a-provider',
  header: 'collector%key=7',
  pgPassword: 'rotated-later',
}

const { secrets } = loadConfig({
  OS_SECURITY_KEY: SECRETS.key,
  POSTGRES_URL: `postgresql://app:${encodeURIComponent(SECRETS.password)}@db:5432/agentos`,
  SOME_API_KEY: SECRETS.apiKey,
  PGPASSWORD: SECRETS.pgPassword,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${encodeURIComponent(SECRETS.header)}`,
})

test.each(['json', 'pretty'] as const)(
  'no secret of the environment is in any %s line, however it got there',
  (format) => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const log = createLog({ level: 'debug', format, redact: createRedact(secrets), write })
    const everyByte = (text: string) => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16)}`).join('')
    for (const secret of Object.values(SECRETS)) {
      const cause = new AgentOSError('DATABASE_AUTH', `refused: ${secret}`)
      log.info(`said ${secret}`)
      log.warn('in fields', { deep: { values: [secret] }, json: JSON.stringify({ secret }) })
      log.error('failed', { error: new Error(`with ${secret}`, { cause }) })
      for (const path of [encodeURIComponent(secret), everyByte(secret)])
        log.info('request', { path: `/agents/${path}` })
    }
    expect(lines).toHaveLength(5 * Object.keys(SECRETS).length)
    const text = lines.join('')
    for (const secret of Object.values(SECRETS)) {
      const inJson = JSON.stringify(secret).slice(1, -1)
      const forms = [secret, inJson, JSON.stringify(inJson).slice(1, -1), encodeURIComponent(secret), everyByte(secret)]
      for (const form of forms) expect(text).not.toContain(form)
    }
    for (const line of lines) expect(line).toContain('[redacted]')
  },
)
