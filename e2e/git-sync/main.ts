/**
 * Stands in for git-sync where the real one cannot be had: the same flags, and the same seen from outside.
 *
 *   node e2e/git-sync/main.ts --repo=URL --root=DIR --link=NAME ...
 *
 * @module
 */
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { readFlags, type Flags } from './flags.ts'
import { isPinned, resetPublished, syncOnce } from './sync.ts'

const counts = { success: 0, noop: 0, error: 0 }

async function run(flags: Flags): Promise<number> {
  let hasSynced = false
  let failures = 0
  const server = flags.httpBind === undefined ? undefined : listen(flags.httpBind, () => hasSynced)
  const notify = createWebhook(flags)
  await resetPublished(flags).catch((error: unknown) => console.error('cannot reset', error))
  for (;;) {
    try {
      const { hash, isNew } = await syncOnce(flags)
      counts[isNew ? 'success' : 'noop']++
      if (isNew || !hasSynced) notify(hash)
      hasSynced = true
      failures = 0
      if (flags.isOneTime) {
        server?.close()
        return 0
      }
      if (isPinned(flags)) await sleep(2 ** 31 - 1)
    } catch (error) {
      counts.error++
      failures++
      console.error(`error syncing repo, failures ${failures}:`, error)
      const allowed = hasSynced ? flags.maxFailures : flags.initMaxFailures
      if (allowed >= 0 && failures > allowed) {
        server?.close()
        return 1
      }
    }
    await sleep(hasSynced ? flags.periodMs : flags.initPeriodMs)
  }
}

/** Tells of the newest hash until it is heard; an older one that was not heard is forgotten. */
function createWebhook({ webhookUrl, webhookTimeoutMs, webhookBackoffMs }: Flags): (hash: string) => void {
  let newest = ''
  return (hash) => {
    newest = hash
    if (webhookUrl !== undefined) void tell(webhookUrl, hash)
  }
  async function tell(url: string, hash: string): Promise<void> {
    while (newest === hash) {
      try {
        const init = {
          method: 'POST',
          headers: { 'Gitsync-Hash': hash },
          signal: AbortSignal.timeout(webhookTimeoutMs),
        }
        const response = await fetch(url, init)
        await response.body?.cancel()
        if (response.status === 200) return
        console.error(`webhook answered ${response.status}`)
      } catch (error) {
        console.error('webhook failed', error)
      }
      await sleep(webhookBackoffMs)
    }
  }
}

function listen(address: string, hasSynced: () => boolean): Server {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? []
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      const lines = Object.entries(counts).map(
        ([status, count]) => `git_sync_count_total{status="${status}"} ${count}\n`,
      )
      response.end(lines.join(''))
    } else {
      response.writeHead(hasSynced() ? 200 : 503).end()
    }
  })
  return server.listen(Number(port), host || '0.0.0.0')
}

// As the first process of a container it would not end otherwise.
process.once('SIGTERM', () => process.exit(0))
process.exit(await run(readFlags(process.argv.slice(2))))
