/**
 * The programs of a real node, each built once with Go or taken out of a package of Debian: containerd with its shim and its
 * command, plug-ins for the network of pods, the External Secrets controller, nft, and the program that holds a pod open.
 * The kubelet and kube-proxy come with the control plane.
 * @module
 */
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { installOnce } from '../cache-folder.ts'
import { findCommand, isDebian12, unpackPackages } from '../debian-packages.ts'
import { buildPinned, downloadModule, installRelease } from '../go.ts'

const CONTAINERD = 'v2.3.7'
const CNI = 'v1.9.1'
/** The newest release that is one module, which is what can be built. It serves external-secrets.io/v1. */
const EXTERNAL_SECRETS = 'v0.20.4'
const PAUSE = join(import.meta.dirname, 'pause')

/** What the kube-proxy of the node calls, with the libraries that Debian's own installation may lack. */
const NFT_PACKAGES = [
  'nftables',
  'libnftables1',
  'libnftnl11',
  'libmnl0',
  'libjansson4',
  'libgmp10',
  'libxtables12',
  'libedit2',
  'libbsd0',
  'libmd0',
]

export type NodePrograms = {
  /** Folder with containerd, its shim and ctr. */
  readonly containerd: string
  /** Folder of the plug-ins. */
  readonly cni: string
  /** Folder with nft. */
  readonly nft: string
  /** The static program of pods that do nothing. */
  readonly pause: string
}

/** @returns why nft can be had neither way; undefined when it can */
export async function whyNoNft(): Promise<string | undefined> {
  if ((await findCommand('nft', ['/usr/sbin'])) !== undefined || (await isDebian12())) return undefined
  return 'nft is not installed, and this is no Debian 12 for amd64 to take it from'
}

/** @throws {Error} when Go is missing, or a module or package cannot be had */
export async function installNodePrograms(): Promise<NodePrograms> {
  // One after the other: Go fills every core by itself.
  return {
    containerd: await installContainerd(),
    cni: await installCni(),
    pause: await installPause(),
    nft: await installNft(),
  }
}

function installContainerd(): Promise<string> {
  return installOnce(`containerd-${CONTAINERD}`, async (folder) => {
    for (const name of ['containerd', 'containerd-shim-runc-v2', 'ctr'])
      await installRelease(`github.com/containerd/containerd/v2/cmd/${name}`, CONTAINERD, join(folder, name))
  })
}

function installCni(): Promise<string> {
  return installOnce(`cni-plugins-${CNI}`, async (folder) => {
    for (const path of ['main/bridge', 'main/loopback', 'ipam/host-local']) {
      const program = `github.com/containernetworking/plugins/plugins/${path}`
      await installRelease(program, CNI, join(folder, path.replace(/^.*\//, '')))
    }
  })
}

async function installPause(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'main.go']) hash.update(await readFile(join(PAUSE, file)))
  const folder = await installOnce(`pause-${hash.digest('hex').slice(0, 12)}`, (target) =>
    buildPinned(PAUSE, '.', join(target, 'pause')),
  )
  return join(folder, 'pause')
}

async function installNft(): Promise<string> {
  const installed = await findCommand('nft', ['/usr/sbin'])
  if (installed !== undefined) return dirname(installed)
  const folder = await installOnce('nft-debian-12', async (target) => {
    const files = join(target, 'files')
    await mkdir(files)
    await unpackPackages(files, NFT_PACKAGES)
    await mkdir(join(target, 'bin'))
    const lines = [
      '#!/bin/sh',
      'here=$(dirname "$(readlink -f "$0")")/../files',
      'export LD_LIBRARY_PATH="$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu"',
      'exec "$here/usr/sbin/nft" "$@"',
    ]
    await writeFile(join(target, 'bin/nft'), `${lines.join('\n')}\n`)
    await chmod(join(target, 'bin/nft'), 0o755)
  })
  return join(folder, 'bin')
}

export type ExternalSecrets = {
  /** Path of the controller. */
  readonly controller: string
  /** Folder of the custom resource definitions of its version. */
  readonly definitions: string
}

/**
 * The real controller with one provider, which answers from the store's own object: the libraries of all clouds stay out of
 * the build.
 */
export async function installExternalSecrets(): Promise<ExternalSecrets> {
  const folder = await installOnce(`external-secrets-${EXTERNAL_SECRETS}`, async (target) => {
    const module = await downloadModule('github.com/external-secrets/external-secrets', EXTERNAL_SECRETS)
    const work = await mkdtemp(join(tmpdir(), 'agentos-external-secrets-'))
    try {
      await cp(module, work, { recursive: true })
      // Modules are read-only.
      for (const path of ['pkg/provider/register', 'pkg/generator/register']) {
        await chmod(join(work, path), 0o755)
        await rm(join(work, path, 'register.go'))
      }
      await writeFile(join(work, 'pkg/provider/register/register.go'), registering('pkg/provider/fake'))
      await writeFile(join(work, 'pkg/generator/register/register.go'), registering('pkg/generator/password'))
      await buildPinned(work, '.', join(target, 'external-secrets'))
    } finally {
      await makeWritable(work)
      await rm(work, { recursive: true, force: true })
    }
    await mkdir(join(target, 'definitions'))
    const bases = join(module, 'config/crds/bases')
    for (const name of await readdir(bases)) {
      if (name.includes('external-secrets.io_')) await cp(join(bases, name), join(target, 'definitions', name))
    }
  })
  return { controller: join(folder, 'external-secrets'), definitions: join(folder, 'definitions') }
}

function registering(path: string): string {
  return `package register\n\nimport _ "github.com/external-secrets/external-secrets/${path}"\n`
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name))
  }
}
