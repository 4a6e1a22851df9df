/**
 * promtool, Prometheus' own judge of rules: the one of the machine, or the one out of Debian's package of Prometheus.
 * @module
 */
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from './cache-folder.ts'
import { findCommand, isDebian12, unpackPackages } from './debian-packages.ts'

/** @returns why promtool can be had on this machine neither way; undefined when it can */
export async function whyNoPromtool(): Promise<string | undefined> {
  if ((await findCommand('promtool')) !== undefined || (await isDebian12())) return undefined
  return 'promtool is not installed, and this is no Debian 12 for amd64 to take it from'
}

/**
 * @returns its path
 * @throws {Error} when the machine cannot have it, or the download fails
 */
export async function installPromtool(): Promise<string> {
  const installed = await findCommand('promtool')
  if (installed !== undefined) return installed
  const obstacle = await whyNoPromtool()
  if (obstacle !== undefined) throw new Error(`${obstacle}. Install it.`)
  const folder = await installOnce('promtool-debian-12', async (target) => {
    const work = join(target, 'prometheus')
    await mkdir(work)
    await unpackPackages(work, ['prometheus'])
    await rename(join(work, 'usr/bin/promtool'), join(target, 'promtool'))
    // The server beside it is as large again, and of no use here.
    await rm(work, { recursive: true })
  })
  return join(folder, 'promtool')
}
