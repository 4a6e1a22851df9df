/**
 * A real Kubernetes without nodes, for tests: etcd, API server, controllers and scheduler on free ports of the loopback
 * interface, with keys of their own. Fresh, and gone when it is disposed of; several can run side by side.
 * @module
 */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../local-server.ts'
import { grantAccess, type Access } from './access.ts'
import { installKube, whyNoCluster } from './install.ts'
import { startProgram, TIED_TO_US, waitUntil, type Program } from './program.ts'

const run = promisify(execFile)

const START_ATTEMPTS = 3
const START_LIMIT_MS = 60_000
const MAX_OUTPUT_BYTES = 100_000_000

export type ControlPlaneOptions = {
  /** A command that starts another one in its own process, as `nsenter --net=FILE` does: everything runs in there. */
  readonly through?: readonly string[]
  /** Names of real nodes, each of which gets a kubeconfig. */
  readonly nodes?: readonly string[]
  /** More arguments of the API server. */
  readonly serverArgs?: readonly string[]
}

export type ControlPlane = AsyncDisposable & {
  /** For whatever belongs to this cluster; it is removed with it. */
  readonly folder: string
  /** Path of the program that is all of Kubernetes. */
  readonly kube: string
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  /** @returns path of the kubeconfig of a node, whose user is `system:node:NAME` */
  kubeconfigOf(user: string): string
  /** Runs kubectl as the administrator. @returns what it prints. @throws {Error} with its words when it fails */
  kubectl(args: readonly string[]): Promise<string>
}

/**
 * Builds Kubernetes when that has not happened yet, and starts a cluster.
 * @throws {Error} when it does not start; the message carries the last lines of the program that ended
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const obstacle = await whyNoCluster()
  if (obstacle !== undefined) throw new Error(`Cannot start a cluster: ${obstacle}.`)
  const kube = await installKube()
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(kube, options)
    } catch (error) {
      // Another process can take a free port before the program does.
      if (attempt === START_ATTEMPTS || !/address already in use/.test(String(error))) throw error
    }
  }
}

async function start(kube: string, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { through = [], nodes = [], serverArgs = [] } = options
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'agentos-cluster-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const programs: Program[] = []
  const endNow = () => removeNow(folder, programs)
  process.once('exit', endNow)
  stack.defer(() => void process.off('exit', endNow))
  await mkdir(join(folder, 'log'))

  const { etcd, peers, server, controllers, scheduler } = await freePorts(
    'etcd',
    'peers',
    'server',
    'controllers',
    'scheduler',
  )
  const access = await grantAccess(join(folder, 'access'), `https://127.0.0.1:${server}`, nodes)
  const startPart = async (part: string, args: readonly string[]) => {
    const log = join(folder, 'log', `${part}.log`)
    programs.push(stack.use(await startProgram([kube, part, ...args], { name: part, log, through })))
  }
  await startPart('etcd', etcdArgs({ folder, etcd, peers }))
  await startPart('kube-apiserver', [...serverArgsOf({ access, etcd, server }), ...serverArgs])

  const kubeconfig = access.kubeconfigOf('admin')
  const kubectl = async (args: readonly string[]) => {
    const [command, ...given] = [...TIED_TO_US, ...through, kube, 'kubectl', '--kubeconfig', kubeconfig, ...args]
    // Of what it remembers of servers, nothing is true of the next one.
    const env = { ...process.env, HOME: folder }
    const { stdout } = await run(command, given, { maxBuffer: MAX_OUTPUT_BYTES, env })
    return stdout
  }
  const limit = { programs, limitMs: START_LIMIT_MS }
  await waitUntil('the API server is ready', () => succeeds(kubectl(['get', '--raw', '/readyz'])), limit)
  await startPart('kube-controller-manager', controllerArgs({ folder, access, port: controllers }))
  await startPart('kube-scheduler', schedulerArgs({ folder, access, port: scheduler }))
  // Without it no pod is admitted.
  const account = () => succeeds(kubectl(['get', 'serviceaccount', 'default']))
  await waitUntil('the controllers work', account, limit)

  const parts = stack.move()
  return {
    folder,
    kube,
    kubeconfig,
    kubeconfigOf: (user) => access.kubeconfigOf(user),
    kubectl,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** For a process that ends without disposing of anything. */
function removeNow(folder: string, programs: readonly Program[]): void {
  for (const program of programs) program.killNow()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function etcdArgs({ folder, etcd, peers }: { folder: string; etcd: number; peers: number }): string[] {
  const clients = `http://127.0.0.1:${etcd}`
  const peer = `http://127.0.0.1:${peers}`
  return [
    '--name=test',
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`,
    '--log-level=warn',
  ]
}

function serverArgsOf({ access, etcd, server }: { access: Access; etcd: number; server: number }): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${server}`,
    `--cert-dir=${access.certificates}`,
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${access.verifyingKey}`,
    `--service-account-signing-key-file=${access.signingKey}`,
    `--token-auth-file=${access.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    '--profiling=false',
  ]
}

type PartOptions = { readonly folder: string; readonly access: Access; readonly port: number }

function controllerArgs({ folder, access, port }: PartOptions): string[] {
  return [
    `--kubeconfig=${access.kubeconfigOf('system:kube-controller-manager')}`,
    `--service-account-private-key-file=${access.signingKey}`,
    `--root-ca-file=${access.certificate}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'kube-controller-manager')}`,
    // As fast as tests are.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // On a busy machine a node is late with its signs of life.
    '--node-monitor-grace-period=10m',
    '--horizontal-pod-autoscaler-sync-period=1s',
    '--horizontal-pod-autoscaler-initial-readiness-delay=0s',
    '--horizontal-pod-autoscaler-cpu-initialization-period=0s',
  ]
}

function schedulerArgs({ folder, access, port }: PartOptions): string[] {
  return [
    `--kubeconfig=${access.kubeconfigOf('system:kube-scheduler')}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'kube-scheduler')}`,
  ]
}

/** @returns true when it succeeds, and undefined when it does not */
async function succeeds(attempt: Promise<unknown>): Promise<true | undefined> {
  return attempt.then(
    () => true as const,
    () => undefined,
  )
}

async function freePorts<Name extends string>(...names: readonly Name[]): Promise<Record<Name, number>> {
  const ports = new Set<number>()
  while (ports.size < names.length) ports.add(await freePort())
  const values = [...ports]
  // One for each.
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as Record<Name, number>
}
