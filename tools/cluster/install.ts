/**
 * What a cluster for tests is made of: Kubernetes itself and kwok, which plays nodes. Each is built once from its released
 * modules; Kubernetes takes some minutes of both cores.
 * @module
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from '../cache-folder.ts'
import { installSchemas } from '../chart/schemas.ts'
import { findCommand } from '../debian-packages.ts'
import { buildPinned, installRelease, whyNoGo } from '../go.ts'
import { installHelm } from '../helm-install.ts'

const SOURCE = join(import.meta.dirname, 'kube')
/** As go.mod says: the server tells its version, which Helm compares with what a chart wants. */
const KUBERNETES = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)$/m
const VERSION_PACKAGE = 'k8s.io/component-base/version'
const KWOK = 'v0.8.0'
const LEAST_GO = 26

/** @returns why no cluster can be had on this machine; undefined when one can */
export async function whyNoCluster(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a cluster for tests needs Linux, and this is ${process.platform}`
  if ((await findCommand('setpriv')) === undefined) return 'setpriv of util-linux is not installed'
  return whyNoGo(LEAST_GO)
}

/**
 * @returns path of the program that is etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet
 *   or kubectl, as its first argument says
 * @throws {Error} when Go is missing, or a module cannot be had
 */
export async function installKube(): Promise<string> {
  const files = await Promise.all(['go.mod', 'go.sum', 'main.go'].map((name) => readFile(join(SOURCE, name), 'utf8')))
  const [, version, major, minor] = KUBERNETES.exec(files[0] ?? '') ?? []
  if (version === undefined || major === undefined || minor === undefined) {
    throw new Error(`${SOURCE}/go.mod does not say which k8s.io/kubernetes it takes`)
  }
  const hash = createHash('sha256').update(files.join('\0')).digest('hex').slice(0, 12)
  const told = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const variables = Object.entries(told).map(([name, text]) => [`${VERSION_PACKAGE}.${name}`, text])
  const folder = await installOnce(`kube-${version}-${hash}`, (target) =>
    buildPinned(SOURCE, '.', target, Object.fromEntries(variables)),
  )
  return join(folder, 'kube')
}

/**
 * @returns path of its command
 * @throws {Error} as `installKube`
 */
export async function installKwok(): Promise<string> {
  const folder = await installOnce(`kwok-${KWOK}`, (target) =>
    installRelease('sigs.k8s.io/kwok/cmd/kwok', KWOK, join(target, 'kwok')),
  )
  return join(folder, 'kwok')
}

/**
 * Installs all that tests in a cluster need, the chart's tools among it.
 * @throws {Error} as `installKube`
 */
export async function installCluster(): Promise<void> {
  // One after the other: Go fills every core by itself.
  await installKube()
  await installKwok()
  await installHelm(4)
  await installHelm(3)
  await installSchemas()
}
