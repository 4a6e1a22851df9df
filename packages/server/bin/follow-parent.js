/**
 * Asks its process to shut down when the one that started it is gone without a word, so that no server is left holding
 * the port. Preloaded into what `run-node.js` starts.
 * @module
 */
import { isMainThread } from 'node:worker_threads'

const POLL_MS = 1_000

if (isMainThread) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, POLL_MS)
  timer.unref()
}
