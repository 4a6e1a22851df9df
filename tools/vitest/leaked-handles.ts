/**
 * Fails a test file that leaves something open: a socket, a server, a child process, a worker, a file watcher.
 * Whoever opens a resource closes it; a test that forgets would hide a server that forgets.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll } from 'vitest'

/** As Node names them. Timers are left out: they are not worth a failure when nothing else is open. */
const WATCHED = new Set(['FSEventWrap', 'MessagePort', 'ProcessWrap', 'TCPServerWrap', 'TCPSocketWrap', 'UDPWrap'])

/** What is being closed while the last test ends may take this long. */
const GRACE_MS = 1_000
const POLL_MS = 20

let before: ReadonlyMap<string, number>

/** Node does not list workers among its active resources, but tells of each one that starts. */
const workers = new Set<Worker>()
const follow = (worker: Worker) => {
  workers.add(worker)
  worker.once('exit', () => workers.delete(worker))
}

beforeAll(() => {
  before = countOpen()
  process.on('worker', follow)
})

afterAll(async () => {
  const deadline = performance.now() + GRACE_MS
  // The last test's worker is announced a tick after it was made.
  await sleep(0)
  let leaked = findLeaked()
  while (leaked.length > 0 && performance.now() < deadline) {
    await sleep(POLL_MS)
    leaked = findLeaked()
  }
  process.off('worker', follow)
  if (leaked.length === 0) return
  throw new Error(
    `This file left ${leaked.join(', ')} open. Close each where it was opened (await using), or in an afterAll.`,
  )
})

function countOpen(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  counts.set('Worker', workers.size)
  return counts
}

function findLeaked(): string[] {
  return [...countOpen()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0)
    return more > 0 ? [`${more} ${kind}`] : []
  })
}
