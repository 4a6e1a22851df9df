/**
 * The start of a server that does not change the schema: it waits until somebody has, and says so meanwhile.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import { createWaitingApp } from '../http/waiting-app.ts'
import type { Registry } from '../loader/registry.ts'
import type { Log } from '../telemetry/log.ts'
import { type AwaitSchema, mayPass } from './database.ts'

type Deps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  readonly registry: Registry
}

/** How often the schema is looked at. */
const LOOK_MS = 2000

/** While it waits, the address of the server answers probes; it is free again when the wait is over. */
export function createSchemaWait({ settings }: Config, deps: Deps): AwaitSchema {
  const { log } = deps
  return async (find) => {
    let reason = await find()
    if (reason === undefined) return
    const app = createWaitingApp({
      ...deps,
      startedAt: new Date(deps.clock.now()),
      securityKey: settings.OS_SECURITY_KEY,
      accessLog: settings.AGENTOS_ACCESS_LOG,
      // Only undefined once nobody is answered any more.
      reason: () => reason as AgentOSError,
    })
    try {
      const address = await app.listen({ host: settings.AGENTOS_HOST, port: settings.AGENTOS_PORT })
      while (reason !== undefined) {
        log.warn('waiting for the schema', { reason: reason.message, next: reason.next, address })
        reason = await findOther(find, reason)
      }
      log.info('the schema is there')
    } finally {
      await app.close()
    }
  }
}

/** What is found once it is something else than before. A database that does not answer meanwhile is waited for. */
async function findOther(find: () => Promise<AgentOSError | undefined>, before: AgentOSError) {
  for (;;) {
    await sleep(LOOK_MS)
    const found = await find().catch((error: unknown) => {
      if (mayPass(error)) return error
      throw error
    })
    if (found?.message !== before.message) return found
  }
}
