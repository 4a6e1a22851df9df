/**
 * Preloaded into the process that `run-node.js` starts: asks it to shut down when its starter is gone without a word
 * (a SIGKILL), so that no server is left holding the port.
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
