import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { createIds } from '../base/ids.ts'
import { createLearningRedact } from '../base/redact.ts'
import { loadConfig } from '../config/load.ts'
import { toProblem } from '../http/problem.ts'
import { openTestDatabase } from '../storage/testing/database.ts'
import { createPasswordRole } from '../storage/testing/password-role.ts'
import { createLog } from '../telemetry/log.ts'
import { openStorage } from './database.ts'

test('the password of DB_PASS_FILE is in no log line and no error, nor is the next one or the one before', async () => {
  await using admin = await openTestDatabase({ migrated: false })
  if (admin.options.kind !== 'postgres') throw new TypeError('PostgreSQL only')
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-password-'))
  const passwords = ['first-of-the-file', 'second/"of" the file'] as const
  await using role = await createPasswordRole(admin.db)
  const file = join(folder.path, 'password')
  const url = new URL(admin.options.directUrl ?? admin.options.url)
  Object.assign(url, { username: role.name, password: '' })
  const config = loadConfig({ POSTGRES_URL: url.href, DB_PASS_FILE: file })

  const { redact, learn: learnSecret } = createLearningRedact(config.secrets)
  const lines: string[] = []
  const log = createLog({ level: 'debug', format: 'json', redact, write: (line) => void lines.push(line) })
  const tell = () => {
    lines.length = 0
    log.error('refused', { error: new Error(`with ${passwords.join(' and ')}`), list: [...passwords] })
    return `${lines.join('')}${JSON.stringify(toProblem(new AgentOSError('DATABASE_AUTH', passwords.join()), redact, '1'))}`
  }
  await role.rotate(passwords[0])
  await writeFile(file, `${passwords[0]}\n`)
  const deps = { dataDirectory: folder.path, clock: systemClock, ids: createIds(systemClock), log, learnSecret }
  await using database = await openStorage(config, deps)
  expect(tell()).not.toContain(passwords[0])
  expect(tell()).toContain('second')

  await writeFile(file, `${passwords[1]}\n`)
  await role.rotate(passwords[1])
  await expect.poll(() => database.ping(1000).then(() => 'answers', String)).toBe('answers')
  expect(tell()).not.toMatch(/first-of-the-file|second/)
})
