/**
 * `agentos db-init`: makes what the server needs in a PostgreSQL that an admin opens, and ends. Reads variables of its
 * own, because the process that has an admin's password is not the server.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { createIds } from '../base/ids.ts'
import { createRedact } from '../base/redact.ts'
import { processEnvironment } from '../config/load.ts'
import { loadSetUp } from '../config/set-up.ts'
import { setUp } from '../storage/set-up/set-up.ts'

export async function initDatabase(): Promise<number> {
  const { secrets, ...plan } = loadSetUp(processEnvironment())
  const redact = createRedact(secrets)
  const report = (line: string) => console.log(redact(line))
  try {
    await setUp({ ...plan, report }, { clock: systemClock, ids: createIds(systemClock), randomBytes })
  } catch (error) {
    if (!(error instanceof AgentOSError)) throw error
    throw new AgentOSError(error.code, redact(error.message), { cause: error.cause })
  }
  console.log('The database is ready.')
  return 0
}
