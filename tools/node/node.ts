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
import { containerdSettings, kubeletSettings, NODE_ADDRESS, podNetwork, proxySettings } from './node-settings.ts'
import type { NodePrograms } from './programs.ts'

const run = promisify(execFile)

export const NODE_NAME = 'node-1'

export type NodeOptions = {
  /** Empty folder of its own. */
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
  readonly images: readonly ImageArchive[]
}

export type ImageArchive = {
  readonly file: string
  /** Name in the archive, with registry. */
  readonly name: string
  /** Other names for it. */
  readonly aliases?: readonly string[]
}

export type RealNode = AsyncDisposable & {
  /** Runs containerd's command among the images and containers of Kubernetes. @returns what it printed */
  readonly ctr: (...args: readonly string[]) => Promise<string>
}

/** @throws {Error} with the last lines of a program that does not start */
export async function startNode(options: NodeOptions): Promise<RealNode> {
  const { folder, programs, kube } = options
  await using stack = new AsyncDisposableStack()
  await shieldMachine(folder)
  await writeSettings(options)
  const env = { ...process.env, PATH: [programs.containerd, programs.nft, process.env['PATH'], '/usr/sbin'].join(':') }
  const start = async (name: string, command: readonly string[]) =>
    stack.use(await startProgram(command, { name, log: join(folder, `${name}.log`), env }))
  const containerd = await start('containerd', ['containerd', '--config', join(folder, 'containerd.toml')])
  const socket = join(folder, 'run/containerd.sock')
  const ctr = async (...args: readonly string[]) =>
    (await run(join(programs.containerd, 'ctr'), ['-a', socket, '-n', 'k8s.io', ...args], { maxBuffer: 1e7 })).stdout
  await waitUntil('containerd answers', () => ctr('version').catch(() => undefined), { programs: [containerd] })
  for (const image of options.images) await importImage(ctr, image)
  await start('kubelet', [
    kube,
    'kubelet',
    '--config',
    join(folder, 'kubelet.yaml'),
    '--kubeconfig',
    options.kubeconfig,
    '--root-dir',
    join(folder, 'kubelet'),
    '--cert-dir',
    join(folder, 'kubelet/pki'),
    '--hostname-override',
    NODE_NAME,
    '--node-ip',
    NODE_ADDRESS,
  ])
  await start('kube-proxy', [
    kube,
    'kube-proxy',
    '--config',
    join(folder, 'proxy.yaml'),
    '--hostname-override',
    NODE_NAME,
  ])
  const started = stack.move()
  return { ctr, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function importImage(ctr: RealNode['ctr'], { file, name, aliases = [] }: ImageArchive): Promise<void> {
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

async function writeSettings({ folder, cgroup, programs, proxyKubeconfig }: NodeOptions): Promise<void> {
  for (const name of ['run', 'cni', 'containerd', 'kubelet']) await mkdir(join(folder, name))
  const write = (name: string, content: unknown) =>
    writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  await write('containerd.toml', containerdSettings(folder, programs.cni))
  await write('cni/10-pods.conflist', podNetwork(folder))
  await write('resolv.conf', `nameserver ${NODE_ADDRESS}\n`)
  await write('kubelet.yaml', kubeletSettings(folder, cgroup))
  await write('proxy.yaml', proxySettings(proxyKubeconfig))
}
