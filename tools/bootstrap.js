/**
 * What every npm script starts with: installs the locked dependencies when they are not there yet, then runs a script on
 * a Node that can run this repository. Plain JavaScript for Node 20 without dependencies, because a fresh clone has none.
 *
 *   node tools/bootstrap.js prod|dev SCRIPT [ARGUMENT...]
 *
 * `prod` asks for what the server needs, `dev` for the tools of its developers too.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
// npm runs this in a shell, and a signal to npm ends that shell and nothing else.
import '../packages/server/bin/follow-parent.js'
import { runNode } from '../packages/server/bin/run-node.js'
import { withInstallLock } from './install-lock.js'
import { whyInstall } from './installed-tree.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {import('./installed-tree.js').Scope} scope */
async function install(scope) {
  if (whyInstall(root, scope) === undefined) return
  const lock = join(root, '.agentos', 'install.lock')
  await withInstallLock(lock, {
    onWait: (owner) => console.error(`Waiting for process ${owner}, which is installing dependencies (${lock}) ...`),
    action: () => {
      const reason = whyInstall(root, scope)
      if (reason !== undefined) runNpmCi(scope, reason)
    },
  })
}

/**
 * @param {import('./installed-tree.js').Scope} scope
 * @param {string} reason
 */
function runNpmCi(scope, reason) {
  const omit = scope === 'prod' ? ['--omit=dev'] : []
  const started = performance.now()
  console.error(`Installing dependencies (npm ci ${omit.join(' ')}): ${reason} ...`.replace(' )', ')'))
  const { status, error } = spawnSync('npm', ['ci', '--loglevel=error', ...omit], {
    cwd: root,
    // npm's own count of packages is noise between two lines of ours; its errors go to standard error.
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (error) throw new Error(`Cannot run npm: ${error.message}. Is it installed and on the PATH?`, { cause: error })
  if (status !== 0)
    throw new Error(`npm ci ended with code ${status}; its messages stand above. Mend that and run again.`)
  console.error(`Installed in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

const [scope, script, ...args] = process.argv.slice(2)
try {
  if ((scope !== 'prod' && scope !== 'dev') || script === undefined) {
    throw new Error('usage: node tools/bootstrap.js prod|dev SCRIPT [ARGUMENT...]')
  }
  await install(scope)
  // npm moves to the repository's root; paths on the command line mean the folder where the user stands.
  runNode(resolve(root, script), args, { cwd: process.env['INIT_CWD'] ?? process.cwd() })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
