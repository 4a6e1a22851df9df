/**
 * Lets a server that starts again find its own code compiled, in the data directory, beside that of its agents. Preloaded
 * into what `run-node.js` starts. Only for the commands that make the data directory anyway.
 * Invariant: whatever is wrong with the directory, the process starts as it would without; the server itself explains it.
 * @module
 */
import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join, resolve } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const COMMANDS = ['serve', 'dev']

if (isMainThread && COMMANDS.includes(process.argv[2] ?? '')) {
  const dataDirectory = resolve(process.env['AGENTOS_DATA_DIR'] || '.agentos')
  try {
    // As the server makes it: Node would let everyone read it.
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
    // NODE_COMPILE_CACHE goes before, NODE_DISABLE_COMPILE_CACHE turns it off.
    enableCompileCache(join(dataDirectory, 'compile-cache'))
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === undefined) throw error
  }
}
