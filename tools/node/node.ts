/**
 * One real node of a cluster: containerd, kubelet and kube-proxy, so that pods really run. Lives in a private machine
 * (`private-machine.ts`), whose network is the node's: whoever runs in it reaches pods and Services, and pods reach whatever
 * listens on NODE_ADDRESS.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startProgram, waitUntil } from '../cluster/program.ts'
import {
  containerdSettings,
  kubeletSettings,
  NO_REGISTRY,
  NODE_ADDRESS,
  podNetwork,
  proxySettings,
} from './node-settings.ts'
import type { NodePrograms } from './programs.ts'

const run = promisify(execFile)

export const NODE_NAME = 'node-1'

export type ContainersOptions = {
  /** Empty folder of its own. */
  readonly folder: string
  readonly programs: NodePrograms
  readonly images: readonly ImageArchive[]
}

export type NodeOptions = {
  /** That of the containers. */
  readonly folder: string
  /** Control group of its own, in each hierarchy. */
  readonly cgroup: string
  readonly programs: NodePrograms
  /** The program that is kubelet and kube-proxy, by its first argument. */
  readonly kube: string
  /** Credentials of `system:node:node-1`. */
  readonly kubeconfig: string
  /** Credentials of kube-proxy. */
  readonly proxyKubeconfig: string
}

export type ImageArchive = {
  readonly file: string
  /** Name in the archive, with registry. */
  readonly name: string
  /** Other names for it. */
  readonly aliases?: readonly string[]
}

/**
 * Starts containerd and gives it the images. Needs no cluster yet, and takes the longest of all.
 * @throws {Error} with its last lines when it does not start
 */
export async function startContainers({ folder, programs, images }: ContainersOptions): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  for (const name of ['run', 'cni', 'containerd', 'registries/_default'])
    await mkdir(join(folder, name), { recursive: true })
  await writeSettings(folder, 'containerd.toml', containerdSettings(folder, programs.cni))
  await writeSettings(folder, 'registries/_default/hosts.toml', NO_REGISTRY)
  await writeSettings(folder, 'cni/10-pods.conflist', podNetwork(folder))
  const command = ['containerd', '--config', join(folder, 'containerd.toml')]
  const options = { name: 'containerd', log: join(folder, 'containerd.log'), env: nodeEnvironment(programs) }
  const containerd = stack.use(await startProgram(command, options))
  const socket = join(folder, 'run/containerd.sock')
  const ctr: Ctr = (...args) =>
    run(join(programs.containerd, 'ctr'), ['-a', socket, '-n', 'k8s.io', ...args], { maxBuffer: 1e7 })
  await waitUntil('containerd answers', () => ctr('version').catch(() => undefined), { programs: [containerd] })
  await Promise.all(images.map((image) => importImage(ctr, image)))
  return stack.move()
}

/** Runs containerd's command among the images and containers of Kubernetes. */
type Ctr = (...args: readonly string[]) => Promise<unknown>

/**
 * Starts kubelet and kube-proxy over the containers of `startContainers`.
 * @throws {Error} with the last lines of a program that does not start
 */
export async function startNode(options: NodeOptions): Promise<AsyncDisposable> {
  const { folder, cgroup, programs, kube, kubeconfig, proxyKubeconfig } = options
  await using stack = new AsyncDisposableStack()
  await shieldMachine(folder)
  await mkdir(join(folder, 'kubelet'))
  await writeSettings(folder, 'resolv.conf', `nameserver ${NODE_ADDRESS}\n`)
  await writeSettings(folder, 'kubelet.yaml', kubeletSettings(folder, cgroup))
  await writeSettings(folder, 'proxy.yaml', proxySettings(proxyKubeconfig))
  const env = nodeEnvironment(programs)
  const start = async (name: string, args: readonly string[]) => {
    const log = join(folder, `${name}.log`)
    stack.use(await startProgram([kube, name, '--hostname-override', NODE_NAME, ...args], { name, log, env }))
  }
  await start('kubelet', [
    '--config',
    join(folder, 'kubelet.yaml'),
    '--kubeconfig',
    kubeconfig,
    '--root-dir',
    join(folder, 'kubelet'),
    '--cert-dir',
    join(folder, 'kubelet/pki'),
    '--node-ip',
    NODE_ADDRESS,
  ])
  await start('kube-proxy', ['--config', join(folder, 'proxy.yaml')])
  return stack.move()
}

function nodeEnvironment(programs: NodePrograms): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [programs.containerd, programs.nft, process.env['PATH'], '/usr/sbin'].join(':') }
}

async function importImage(ctr: Ctr, { file, name, aliases = [] }: ImageArchive): Promise<void> {
  await ctr('images', 'import', file)
  for (const alias of aliases) await ctr('images', 'tag', name, alias)
}

/** Loopback, and a pair of virtual cables for the network card, of which one end has an address. Comes before all else. */
export async function raiseNetwork(): Promise<void> {
  const ip = (...args: readonly string[]) => run('ip', args)
  await ip('link', 'set', 'lo', 'up')
  await ip('link', 'add', 'node0', 'type', 'veth', 'peer', 'name', 'node0-far')
  await ip('addr', 'add', `${NODE_ADDRESS}/24`, 'dev', 'node0')
  await ip('link', 'set', 'node0', 'up')
  await ip('link', 'set', 'node0-far', 'up')
  await ip('route', 'add', 'default', 'dev', 'node0')
}

/** Settings of the whole machine that a kubelet writes. Here it gets plain files in their place. */
const MACHINE_SETTINGS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

async function shieldMachine(folder: string): Promise<void> {
  for (const name of MACHINE_SETTINGS) {
    const copy = join(folder, 'machine', name)
    await mkdir(dirname(copy), { recursive: true })
    await writeFile(copy, await readFile(`/proc/sys/${name}`))
    await run('mount', ['--bind', copy, `/proc/sys/${name}`])
  }
}

async function writeSettings(folder: string, name: string, content: unknown): Promise<void> {
  await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
}
