/**
 * A generation's worker from inside: guards, hooks, loading, and a run for every `start` until the thread is ended.
 * Shared by the server's worker and by the small workers of tests; what a run is, the caller says.
 * @module
 */
import { flushCompileCache, setSourceMapsSupport } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import type { FileReport } from '../base/runnable.ts'
import type { RunJob, RunResult } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import { describeFailure } from './failure.ts'
import { installGuards } from './guards.ts'
import { installHooks } from './hooks.ts'
import { type LoadChecks, loadFolder } from './load.ts'
import { createWorkerPort, type WorkerPort } from './port.ts'
import type { WorkerInit } from './protocol.ts'
import { createRunOutput, type RunOutput } from './run-output.ts'

export type Served = LoadChecks & {
  /** Executes a run. Should not reject. */
  readonly execute: (job: RunJob, control: RunControl) => Promise<RunResult>
}

/** What the main thread asks of a run while it runs. */
export type RunControl = {
  /** Aborts when the run is cancelled; the message of its reason says why. */
  readonly signal: AbortSignal
  /** Whether the run should end as PENDING before its next model call. */
  readonly handOver: () => boolean
}

export type WorkerSide = {
  readonly port: WorkerPort
  /** Whose code is running, for what it prints and for the errors it lets go. */
  readonly output: RunOutput
  /** Loads the folder, reports what came of it, and executes runs from then on. Resolves after the report. */
  readonly serve: (served: Served) => Promise<void>
}

/** Installs guards and hooks, so call it before anything of the folder is imported. */
export function openWorker(init: WorkerInit, parentPort: MessagePort): WorkerSide {
  hideCompileCache(init)
  setSourceMapsSupport(true, { nodeModules: false, generatedCode: false })
  const port = createWorkerPort(parentPort, showOrigin(init))
  const output = createRunOutput([process.stdout, process.stderr])
  const strays: unknown[] = []
  let isLoading = true
  installGuards({
    onExit: port.exiting,
    onStray: (kind, error) => {
      if (isLoading) strays.push(error)
      // Its run may be over, and is not alone, so the worker and its runs go on.
      else port.log('error', `${kind} in agent code`, { ...output.fields(), reason: describeFailure(error, init) })
    },
  })
  const hooks = installHooks(init)
  return {
    port,
    output,
    serve: async ({ execute, ...checks }) => {
      acceptRuns(port, execute)
      const watch = { onImport: port.loading, takeStrays: () => strays.splice(0) }
      const result = await loadFolder(init, checks, watch).catch((error: unknown) => rejectAll(init, error))
      isLoading = false
      if (result.ok) port.loaded(result.manifest, hooks.outside())
      else port.rejected(result.files, hooks.outside())
      // A worker that is terminated writes nothing any more.
      flushCompileCache()
    },
  }
}

/** Sources are known by the folder that their authors know, not by its copy. */
function showOrigin({ root, origin }: WorkerInit): (text: string) => string {
  const copy = `${pathToFileURL(root).href}/`
  const known = `${pathToFileURL(origin).href}/`
  return (text) => text.replaceAll(copy, known)
}

/** The folder itself could not be read. */
function rejectAll(init: WorkerInit, error: unknown): { readonly ok: false; readonly files: readonly FileReport[] } {
  const report: FileReport = { path: '.', outcome: 'error', runnables: [], detail: describeFailure(error, init) }
  return { ok: false, files: [...init.settled, report] }
}

/** The cache is on by now; agents and what they spawn should see the environment that they were given. */
function hideCompileCache({ env }: WorkerInit): void {
  const { env: seen } = process
  if (env['NODE_COMPILE_CACHE'] === undefined) delete seen['NODE_COMPILE_CACHE']
  else seen['NODE_COMPILE_CACHE'] = env['NODE_COMPILE_CACHE']
}

function acceptRuns(port: WorkerPort, execute: Served['execute']): void {
  const running = new Map<string, { readonly controller: AbortController; isLeaving: boolean }>()
  const run = async (job: RunJob, control: RunControl) => {
    try {
      port.done(job.runId, await execute(job, control))
    } catch (error) {
      port.done(job.runId, refuse(error))
    } finally {
      running.delete(job.runId)
    }
  }
  port.onStart((job) => {
    const entry = { controller: new AbortController(), isLeaving: false }
    running.set(job.runId, entry)
    void run(job, { signal: entry.controller.signal, handOver: () => entry.isLeaving })
  })
  port.onCancel((runId, reason) => running.get(runId)?.controller.abort(new Error(reason)))
  port.onHandOver((runId) => {
    const entry = running.get(runId)
    if (entry !== undefined) entry.isLeaving = true
  })
}

/** The result of a run that could not be executed at all, so that it ends in any case. */
function refuse(error: unknown): RunResult {
  return {
    status: 'ERROR',
    content: '',
    contentType: 'str',
    reasoning: '',
    model: { provider: 'none', id: 'none' },
    metrics: { usage: NO_USAGE, durationMs: 0 },
    statePatch: { set: {}, unset: [] },
    uncommitted: [],
    error: { code: 'AGENT_FAILED', message: error instanceof Error ? error.message : String(error) },
  }
}
