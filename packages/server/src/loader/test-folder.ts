/**
 * Folders, registries and runs for the loader's tests: real files in a temporary directory, real workers.
 * @module
 */
import { mkdtemp, mkdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import type { Message } from '../base/message.ts'
import type { RunJob, RunResult, StatePatch, StepEvent } from '../base/run.ts'
import { traceOf } from '../base/trace-context.ts'
import type { Log } from '../telemetry/log.ts'
import type { Generation } from './generation.ts'
import { createRegistry, type Registry, type RegistryDeps, type RegistryOptions } from './registry.ts'
import type { RunHandle } from './run-table.ts'
import type { AgentLogLine } from './thread.ts'

/** Files by path; text is their content. */
export type Files = Readonly<Record<string, string>>

export type TestFolder = AsyncDisposable & {
  /** Resolved. */
  readonly path: string
  readonly at: (path: string) => string
  readonly write: (files: Files) => Promise<void>
  /** Points `link` at `target` in one step, as git-sync does. */
  readonly swap: (link: string, target: string) => Promise<void>
}

export async function makeFolder(files: Files = {}): Promise<TestFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'agentos-loader-')))
  const at = (relative: string) => join(path, relative)
  const write = async (contents: Files) => {
    for (const [name, content] of Object.entries(contents)) {
      await mkdir(dirname(at(name)), { recursive: true })
      await writeFile(at(name), content)
    }
  }
  await write(files)
  return {
    path,
    at,
    write,
    swap: async (link, target) => {
      await symlink(target, at('tmp-link'))
      await rename(at('tmp-link'), at(link))
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Source of a module with one agent. */
export function agentSource(options: string = '', extra: string = ''): string {
  return `import { agent, tool } from '@agentos/sdk'\n${extra}\nexport default agent({ ${options} })\n`
}

export type LogEntry = {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A log that keeps what it is told. */
export function keepLog(): { readonly log: Log; readonly entries: LogEntry[] } {
  const entries: LogEntry[] = []
  const keep =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void entries.push({ level, message, fields })
  const log: Log = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: () => log,
  }
  return { log, entries }
}

export type TestRegistry = AsyncDisposable &
  Registry & {
    readonly logged: readonly LogEntry[]
    readonly agentLines: readonly AgentLogLine[]
    readonly snapshots: string
  }

/** A registry on the loader's test worker. Its first reconcile is under way; `reload` waits for it. */
export async function openRegistry(
  directory: string,
  options: Partial<RegistryOptions> = {},
  deps: Partial<RegistryDeps> = {},
): Promise<TestRegistry> {
  const own = await makeFolder()
  const { log, entries } = keepLog()
  const agentLines: AgentLogLine[] = []
  const snapshots = own.at('snapshots')
  const registry = createRegistry(
    {
      directory,
      workerEntry: new URL('./test-worker.ts', import.meta.url),
      snapshotDirectory: snapshots,
      compileCache: join(tmpdir(), 'agentos-loader-test-cache'),
      policy: 'strict',
      defaultModel: 'demo:assistant',
      debounceMs: 20,
      pollMs: 100,
      loadTimeoutMs: 10_000,
      drainMs: 5_000,
      heapMb: 128,
      // Five of them are longer than a busy machine keeps a worker waiting.
      heartbeatMs: 300,
      workerEnv: {},
      toolTimeoutMs: 1_000,
      toolResultBytes: 10_000,
      watch: false,
      ...options,
    },
    { clock: systemClock, log, onLog: (line) => agentLines.push(line), ...deps },
  )
  return {
    ...registry,
    logged: entries,
    agentLines,
    snapshots,
    [Symbol.asyncDispose]: async () => {
      await registry.close()
      await own[Symbol.asyncDispose]()
    },
  }
}

export type TestRun = {
  readonly handle: RunHandle
  readonly events: StepEvent[]
  readonly commits: Message[][]
  /** The state that came with each commit. */
  readonly patches: (StatePatch | undefined)[]
  /** How it ended; never rejects. */
  readonly ended: Promise<{ readonly result: RunResult } | { readonly lost: string }>
}

let runs = 0

/** Starts a run whose input is `input`, as JSON unless it is text. */
export function startRun(
  generation: Generation | undefined,
  input: unknown,
  options: { readonly agentId?: string; readonly onCommit?: () => Promise<void>; readonly job?: Partial<RunJob> } = {},
): TestRun {
  if (generation === undefined) throw new Error('no generation serves')
  const events: StepEvent[] = []
  const commits: Message[][] = []
  const patches: (StatePatch | undefined)[] = []
  const ended = Promise.withResolvers<{ readonly result: RunResult } | { readonly lost: string }>()
  const job: RunJob = {
    runId: `run-${++runs}`,
    sessionId: 'session',
    userId: null,
    agentId: options.agentId ?? generation.manifest.agents[0]?.id ?? '',
    attempt: 1,
    input: typeof input === 'string' ? input : JSON.stringify(input),
    history: [],
    journal: [],
    inherited: 0,
    interrupted: false,
    requirements: [],
    statePatch: { set: {}, unset: [] },
    sessionState: {},
    request: {},
    trace: traceOf('run', null),
    ...options.job,
  }
  const handle = generation.start(job, {
    onEvents: (more) => events.push(...more),
    onCommit: async (messages, statePatch) => {
      commits.push([...messages])
      patches.push(statePatch)
      await options.onCommit?.()
    },
    onDone: (result) => ended.resolve({ result }),
    onLost: (lost) => ended.resolve({ lost }),
  })
  return { handle, events, commits, patches, ended: ended.promise }
}

/** The content of a run that must succeed. */
export async function contentOf(run: TestRun): Promise<unknown> {
  const end = await run.ended
  if ('lost' in end) throw new Error(`the run was lost: ${end.lost}`)
  if (end.result.status !== 'COMPLETED')
    throw new Error(`the run ended ${end.result.status}: ${end.result.error?.message}`)
  return end.result.content
}

/** Waits until `check` holds. @throws after `timeoutMs` */
export async function until(check: () => boolean | Promise<boolean>, timeoutMs: number = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await check())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come true within ${timeoutMs} ms: ${check.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
