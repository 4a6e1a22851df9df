/**
 * A whole cluster with one real node, the External Secrets controller and a PostgreSQL that its pods reach. For a private
 * machine (`private-machine.ts`), which is the node.
 * @module
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startControlPlane, type ControlPlane } from '../cluster/control-plane.ts'
import { startProgram, waitUntil } from '../cluster/program.ts'
import { startPostgres } from '../postgres.ts'
import { buildNodeImages } from './images.ts'
import { type ImageArchive, NODE_NAME, raiseNetwork, startContainers, startNode } from './node.ts'
import { NODE_ADDRESS } from './node-settings.ts'
import { CGROUP_VARIABLE, FOLDER_VARIABLE } from './private-machine.ts'
import { installExternalSecrets, installNodePrograms, type NodePrograms } from './programs.ts'

const NODE_LIMIT_MS = 90_000

export type RealCluster = AsyncDisposable & {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  /** Path of the program that is kubectl by its first argument. */
  readonly kube: string
  /** A superuser's URL of the database, from pods too. */
  readonly postgresUrl: string
  /** The server's image. */
  readonly image: ImageArchive
  /** Control group of this machine, in each hierarchy. */
  readonly cgroup: string
}

/** @throws {Error} outside of a private machine, or with the last lines of what does not start */
export async function startRealCluster(): Promise<RealCluster> {
  const folder = process.env[FOLDER_VARIABLE]
  const cgroup = process.env[CGROUP_VARIABLE]
  if (!folder || !cgroup)
    throw new Error('A node changes the machine: run its tests by `node tools/node/stage.ts FILE`.')
  await using stack = new AsyncDisposableStack()
  const programs = await installNodePrograms()
  const images = await buildNodeImages(programs.pause)
  const place = join(folder, 'node')
  await mkdir(place)
  await raiseNetwork()
  const starting = startParts({ folder, place, cgroup, programs, images: Object.values(images) }, stack)
  // What is still starting when another part fails has to be ended too.
  await Promise.allSettled(starting)
  const [control, postgres] = await Promise.all(starting)
  await waitUntil('the node is ready', () => isReady(control), { limitMs: NODE_LIMIT_MS })
  const started = stack.move()
  return {
    kubeconfig: control.kubeconfig,
    kube: control.kube,
    postgresUrl: postgres.url,
    image: images.server,
    cgroup,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

type Parts = {
  readonly folder: string
  /** Folder of the node. */
  readonly place: string
  readonly cgroup: string
  readonly programs: NodePrograms
  readonly images: readonly ImageArchive[]
}

/** Each as early as it can: most of them wait for a disk or for each other. */
function startParts({ folder, place, cgroup, programs, images }: Parts, stack: AsyncDisposableStack) {
  const use = <Part extends AsyncDisposable>(part: Part) => stack.use(part)
  // Names of nodes lead nowhere here.
  const serverArgs = ['--kubelet-preferred-address-types=InternalIP']
  const control = startControlPlane({ nodes: [NODE_NAME], serverArgs }).then(use)
  const containers = startContainers({ folder: place, programs, images }).then(use)
  const postgres = startPostgres(18, { address: NODE_ADDRESS, trusted: ['vector'] }).then(use)
  const node = Promise.all([control, containers]).then(([cluster]) =>
    startNode({
      folder: place,
      cgroup,
      programs,
      kube: cluster.kube,
      kubeconfig: cluster.kubeconfigOf(`system:node:${NODE_NAME}`),
      proxyKubeconfig: cluster.kubeconfig,
    }).then(use),
  )
  const secrets = control.then((started) => startExternalSecrets(started, folder, stack))
  return [control, postgres, containers, node, secrets] as const
}

async function isReady(control: ControlPlane): Promise<true | undefined> {
  return control.kubectl(['wait', '--for=condition=Ready', `node/${NODE_NAME}`, '--timeout=5s']).then(
    () => true as const,
    () => undefined,
  )
}

async function startExternalSecrets(control: ControlPlane, folder: string, stack: AsyncDisposableStack): Promise<void> {
  const { controller, definitions } = await installExternalSecrets()
  await control.kubectl(['apply', '--server-side', '-f', definitions])
  await control.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  const args = [
    '--enable-leader-election=false',
    '--metrics-addr=127.0.0.1:0',
    '--live-addr=127.0.0.1:18082',
    '--enable-push-secret-reconciler=false',
    '--enable-cluster-external-secret-reconciler=false',
    '--enable-cluster-push-secret-reconciler=false',
  ]
  const env = { ...process.env, KUBECONFIG: control.kubeconfig }
  const log = join(folder, 'external-secrets.log')
  stack.use(await startProgram([controller, ...args], { name: 'external-secrets', log, env }))
}
