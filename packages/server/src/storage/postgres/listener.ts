/**
 * Notifications over LISTEN and NOTIFY, on one connection of its own that is made again whenever it breaks. It must reach
 * the server itself: through a transaction pooler nothing would be heard.
 * @module
 */
import pg from 'pg'
import { backoffMs, sleep } from '../../base/backoff.ts'
import { withDeadline } from '../deadline.ts'
import type { DatabaseLog } from '../engine.ts'
import { reasonOf } from '../failure.ts'
import type { Notifications } from '../notifications.ts'
import { clientConfig, type ConnectionSettings } from './connection.ts'

const CHANNEL = 'agentos'
/** What is notified within this time travels together: every commit of a NOTIFY waits for the one before it. */
const COALESCE_MS = 20
const SEND_TIMEOUT_MS = 5_000
const CLOSE_MS = 1_000
const RECONNECT = { baseMs: 200, maxMs: 5_000 }

export type Listener = Notifications & { readonly close: () => Promise<void> }

/** Connects when it is used for the first time. */
export function createListener(settings: ConnectionSettings, log: DatabaseLog): Listener {
  const listeners = new Set<(topic: string) => void>()
  const closing = new AbortController()
  const waiting = new Set<string>()
  let client: pg.Client | undefined
  let connected: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  const hear = ({ processId, payload }: pg.Notification) => {
    // Our own come back too.
    if (payload === undefined || processId === processIdOf(client)) return
    for (const listener of listeners) listener(payload)
  }
  const keepConnected = async () => {
    for (let failures = 0; !closing.signal.aborted;) {
      const lost = await connectOnce(settings, closing.signal, {
        hear,
        onReady: (ready) => {
          if (failures > 0) log('info', 'Hints from other replicas are heard again', {})
          failures = 0
          client = ready
          void flush()
        },
      })
      client = undefined
      if (closing.signal.aborted) return
      if (failures++ === 0) log('warn', 'Hints from other replicas are not heard', { reason: lost })
      await sleep(backoffMs(RECONNECT, failures, 0.5), closing.signal).catch(() => {})
    }
  }
  const start = () => {
    if (!closing.signal.aborted) connected ??= keepConnected()
  }
  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    // Until there is a connection they wait.
    if (client === undefined || waiting.size === 0) return
    const topics = [...waiting]
    waiting.clear()
    await send(client, topics)
  }
  return {
    notify: (topic) => {
      if (closing.signal.aborted) return
      start()
      waiting.add(topic)
      timer ??= setTimeout(() => void flush(), COALESCE_MS)
    },
    onNotify: (listener) => {
      start()
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {
      await flush()
      closing.abort()
      // A network that fell silent does not confirm the end either.
      const patience = new AbortController()
      await Promise.race([connected, sleep(CLOSE_MS, patience.signal)])
      patience.abort()
    },
  }
}

type Hooks = {
  readonly hear: (notification: pg.Notification) => void
  /** The connection listens from here on. */
  readonly onReady: (client: pg.Client) => void
}

/** @returns why the connection ended, once it has */
async function connectOnce(settings: ConnectionSettings, closing: AbortSignal, hooks: Hooks): Promise<string> {
  const client = new pg.Client(clientConfig(settings))
  let reason = 'the server ended the connection'
  client.on('error', (error) => (reason = reasonOf(error)))
  client.on('notification', hooks.hear)
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  const end = () => void client.end().catch(() => {})
  try {
    await client.connect()
    await client.query(`listen ${CHANNEL}`)
    hooks.onReady(client)
    closing.addEventListener('abort', end, { once: true })
    if (closing.aborted) end()
    await ended
  } catch (error) {
    reason = reasonOf(error)
    end()
  } finally {
    closing.removeEventListener('abort', end)
  }
  return reason
}

async function send(client: pg.Client, topics: readonly string[]): Promise<void> {
  try {
    const told = client.query(`select pg_notify('${CHANNEL}', topic) from json_array_elements_text($1) as topic`, [
      JSON.stringify(topics),
    ])
    await withDeadline(told, SEND_TIMEOUT_MS)
  } catch {
    // A hint that is lost costs a moment. The connection may hang: a new one is sure to work.
    void client.end().catch(() => {})
  }
}

/** pg keeps it, for example to cancel, and its types leave it out. */
function processIdOf(client: pg.Client | undefined): number | undefined {
  return (client as unknown as { processID: number } | undefined)?.processID
}
