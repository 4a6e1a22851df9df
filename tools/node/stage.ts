/**
 * The tests on a real node, in a machine of their own:
 *
 *   node tools/node/stage.ts [VITEST ARGUMENTS]     `run --project node` unless told
 *
 * @module
 */
import { join } from 'node:path'
import { installHelm } from '../helm-install.ts'
import { installKube, whyNoCluster } from '../cluster/install.ts'
import { findCommand } from '../debian-packages.ts'
import { whyNoImage } from '../image-bases.ts'
import { installPostgres, whyNoPostgres } from '../postgres-install.ts'
import { buildNodeImages } from './images.ts'
import { runPrivately, whyNoPrivateMachine } from './private-machine.ts'
import { installExternalSecrets, installNodePrograms, whyNoNft } from './programs.ts'
import { installTlsPostgres, whyNoTlsPostgres } from './tls-postgres.ts'

const VITEST = join(import.meta.dirname, '..', '..', 'node_modules', 'vitest', 'vitest.mjs')

/** @returns why no real node can be had on this machine; undefined when one can */
export async function whyNoNode(): Promise<string | undefined> {
  const reasons = [whyNoCluster, whyNoImage, whyNoPostgres, whyNoTlsPostgres, whyNoNft, whyNoPrivateMachine]
  for (const reason of reasons) {
    const obstacle = await reason()
    if (obstacle !== undefined) return obstacle
  }
  for (const command of ['runc', 'podman']) {
    if ((await findCommand(command)) === undefined) return `${command} is missing (Debian: apt-get install ${command})`
  }
  return undefined
}

/** Builds and downloads everything: within the private machine there is no network. */
export async function installNode(): Promise<void> {
  await installKube()
  await installHelm(4)
  await installPostgres(18)
  await installTlsPostgres()
  const { pause } = await installNodePrograms()
  await installExternalSecrets()
  await buildNodeImages(pause)
}

if (import.meta.main) {
  const obstacle = await whyNoNode()
  if (obstacle !== undefined) throw new Error(`Cannot run a node: ${obstacle}.`)
  await installNode()
  const given = process.argv.slice(2)
  const args = given.length === 0 ? ['run', '--project', 'node'] : given
  process.exitCode = await runPrivately([process.execPath, VITEST, ...args], process.env)
}
