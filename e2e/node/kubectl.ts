/**
 * kubectl and Helm in one namespace of the cluster under test. What is asked often is asked of the API server itself: a
 * machine with two processors feels every start of kubectl.
 * @module
 */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import { openApi } from '../../tools/cluster/api.ts'

const CHART = new URL('../../charts/agentos', import.meta.url).pathname

/** As much of Kubernetes' objects as the tests look at. */
export type KubeObject = {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly creationTimestamp: string
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
  }
}

type ContainerState = {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly state: {
    readonly waiting?: { readonly reason: string; readonly message?: string }
    readonly terminated?: { readonly reason: string; readonly exitCode: number }
  }
  readonly lastState: { readonly terminated?: { readonly reason: string; readonly exitCode: number } }
}

export type Pod = KubeObject & {
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly ContainerState[]
    readonly initContainerStatuses?: readonly ContainerState[]
  }
}

export type Values = Readonly<Record<string, unknown>>

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type Namespace = Disposable & {
  readonly name: string
  readonly pods: (selector?: string) => Promise<readonly Pod[]>
  /** Has a pod stopped, and does not wait for its end. */
  readonly remove: (pod: Pod) => Promise<void>
  /** Asks for a pod to go, as drains do. @returns false when a budget does not let it go now */
  readonly evict: (pod: Pod) => Promise<boolean>
  /** @returns what it printed. @throws {Error} with its words when it fails */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>
  /** Objects of the core API. @param resource its name in paths, as `services` */
  readonly list: <T = KubeObject>(resource: string, selector?: string) => Promise<readonly T[]>
  /** A Secret with these values. */
  readonly putSecret: (name: string, values: Readonly<Record<string, string>>) => Promise<void>
  /** Installs or upgrades, and says how that went, whatever it was. */
  readonly tryHelm: (
    verb: 'install' | 'upgrade' | 'uninstall' | 'test',
    release: string,
    options?: HelmOptions,
  ) => Promise<Outcome>
  /** @throws {Error} with Helm's words, and what the pods say, when it fails */
  readonly helm: Namespace['tryHelm']
  /** What kubectl tells about pods, Jobs and events, for people. */
  readonly describe: () => Promise<string>
}

export type HelmOptions = { readonly values?: Values; readonly args?: readonly string[] }

/** Opens a namespace that admits restricted pods only; it is new. */
export async function openNamespace(name: string): Promise<Namespace> {
  const { kube, kubeconfig, helm: program } = inject('node')
  const kubectl = async (args: readonly string[], input = ''): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(kube, ['kubectl', '-n', name, ...args], input, kubeconfig)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const describe = async () =>
    [
      await kubectl(['get', 'pods,jobs', '-o', 'wide']),
      await kubectl(['get', 'events', '--sort-by=.lastTimestamp']),
      await kubectl([
        'logs',
        '--selector=app.kubernetes.io/name=agentos',
        '--all-containers',
        '--tail=20',
        '--prefix',
      ]).catch(String),
    ].join('\n')
  const tryHelm: Namespace['tryHelm'] = (verb, release, { values, args = [] } = {}) => {
    const isChanging = verb === 'install' || verb === 'upgrade'
    const chart = isChanging ? [CHART, '-f', '-'] : []
    return runProgram(
      program,
      [verb, release, ...chart, '-n', name, ...args],
      isChanging ? JSON.stringify(values) : '',
      kubeconfig,
    )
  }
  const api = await openApi(kubeconfig)
  const root = `/api/v1/namespaces/${name}`
  const apply = async (object: Parameters<typeof api.apply>[0]) => {
    const refusal = await api.apply(object)
    if (refusal !== undefined) throw new Error(`${object.kind} ${object.metadata.name} in ${name}: ${refusal}`)
  }
  const list = async <T>(resource: string, selector = ''): Promise<readonly T[]> => {
    const { status, body } = await api.ask('GET', `${root}/${resource}?labelSelector=${encodeURIComponent(selector)}`)
    if (status !== 200) throw new Error(`listing ${resource}: ${status} ${JSON.stringify(body)}`)
    // What the API server answers for that resource.
    return (body as { items: T[] }).items
  }
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  return {
    name,
    pods: (selector) => list<Pod>('pods', selector),
    remove: async ({ metadata }) => {
      const { status, body } = await api.ask('DELETE', `${root}/pods/${metadata.name}`)
      if (status >= 300) throw new Error(`deleting ${metadata.name}: ${status} ${JSON.stringify(body)}`)
    },
    evict: async ({ metadata }) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name } }
      const { status, body } = await api.ask('POST', `${root}/pods/${metadata.name}/eviction`, eviction)
      if (status < 300) return true
      if (status === 429) return false
      throw new Error(`evicting ${metadata.name}: ${status} ${JSON.stringify(body)}`)
    },
    [Symbol.dispose]: () => api[Symbol.dispose](),
    kubectl,
    list,
    tryHelm,
    describe,
    helm: async (verb, release, options) => {
      const outcome = await tryHelm(verb, release, options)
      if (outcome.code === 0) return outcome
      throw new Error(`helm ${verb} ${release}: ${outcome.stderr}\n${await describe()}`)
    },
    putSecret: (secret, values) => {
      const encoded = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
      const metadata = { name: secret, namespace: name }
      return apply({ apiVersion: 'v1', kind: 'Secret', metadata, data: Object.fromEntries(encoded) })
    },
  }
}

async function runProgram(
  program: string,
  args: readonly string[],
  input: string,
  kubeconfig: string,
): Promise<Outcome> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', KUBECONFIG: kubeconfig },
  })
  const exited = Promise.withResolvers<number>()
  child.on('error', exited.reject)
  child.on('close', (code) => exited.resolve(code ?? 1))
  // It may refuse before it has read everything.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited.promise])
  return { code, stdout, stderr }
}
