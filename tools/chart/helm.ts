/**
 * The chart through the real Helm: what a values file becomes, or why it is refused.
 * @module
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseAllDocuments } from 'yaml'
import type { ChartTools } from './commands.ts'
import type { KubernetesObject } from './objects.ts'

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'agentos')

/** The newest release of the matrix, without Kubernetes' own `v`. */
const KUBERNETES = '1.36.3'

export type Values = Readonly<Record<string, unknown>>

export interface RenderOptions {
  readonly helm: string
  /** Files first, then these over them. */
  readonly valuesFiles?: readonly string[]
  readonly values?: Values
  readonly kubernetes?: string
  readonly release?: string
  readonly chart?: string
}

export type Rendering =
  | { readonly ok: true; readonly manifest: string; readonly objects: readonly KubernetesObject[] }
  | { readonly ok: false; readonly error: string }

/** What `helm template` makes of the chart, hooks and tests included. */
export async function renderChart(options: RenderOptions): Promise<Rendering> {
  const { helm, kubernetes = KUBERNETES, release = 'agentos', chart = CHART } = options
  const args = ['template', release, chart, '--namespace', 'agents', '--kube-version', kubernetes]
  const { code, stdout, stderr } = await runHelm(helm, [...args, ...valuesArgs(options)], options.values)
  if (code !== 0) return { ok: false, error: stderr }
  return { ok: true, manifest: stdout, objects: parseObjects(stdout) }
}

/** @throws {Error} with Helm's words when it refuses */
export async function renderObjects(options: RenderOptions): Promise<readonly KubernetesObject[]> {
  const rendering = await renderChart(options)
  if (!rendering.ok) throw new Error(rendering.error)
  return rendering.objects
}

/** @returns what `helm lint --strict` finds wrong; empty when nothing */
export async function lintChart(options: RenderOptions): Promise<string> {
  const { helm, kubernetes = KUBERNETES, chart = CHART } = options
  const args = ['lint', chart, '--strict', '--quiet', '--kube-version', kubernetes]
  const { code, stdout, stderr } = await runHelm(helm, [...args, ...valuesArgs(options)], options.values)
  return code === 0 ? '' : stdout + stderr
}

/** @returns the text after an install, which no template shows */
export async function renderNotes(options: RenderOptions): Promise<string> {
  const { helm, release = 'agentos', chart = CHART } = options
  const args = ['install', release, chart, '--dry-run=client', '--namespace', 'agents']
  const { code, stdout, stderr } = await runHelm(helm, [...args, ...valuesArgs(options)], options.values)
  if (code !== 0) throw new Error(stderr)
  return stdout.slice(stdout.indexOf('\nNOTES:'))
}

export type Scenario = { readonly name: string; readonly file: string }

/** @returns the values files beside the chart, by name */
export function listScenarios(): readonly Scenario[] {
  return globSync(join(CHART, 'ci', '*-values.yaml'))
    .toSorted()
    .map((file) => ({ name: basename(file, '-values.yaml'), file }))
}

/** @returns both majors, for `test.each` */
export function bothHelms({ helm3, helm4 }: ChartTools): readonly (readonly [string, string])[] {
  return [
    ['Helm 3', helm3],
    ['Helm 4', helm4],
  ]
}

function parseObjects(manifest: string): readonly KubernetesObject[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    // Helm has rendered it; the schemas say whether it is one.
    const object = document.toJS() as KubernetesObject | null
    return object === null ? [] : [object]
  })
}

function valuesArgs({ valuesFiles = [], values }: RenderOptions): string[] {
  return [...valuesFiles, ...(values === undefined ? [] : ['-'])].flatMap((file) => ['-f', file])
}

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

/**
 * @param values for an argument `-f -`
 * @param env besides the PATH
 */
export async function runHelm(
  helm: string,
  args: readonly string[],
  values?: Values,
  env: NodeJS.ProcessEnv = { HOME: '/nonexistent' },
): Promise<Outcome> {
  const child = spawn(helm, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } })
  const exited = Promise.withResolvers<number>()
  child.on('error', exited.reject)
  child.on('close', (code) => exited.resolve(code ?? 1))
  // Helm may refuse before it has read everything.
  child.stdin.on('error', () => undefined)
  child.stdin.end(values === undefined ? '' : JSON.stringify(values))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited.promise])
  return { code, stdout, stderr }
}
