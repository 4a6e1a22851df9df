/**
 * The chart's releases in a cluster for tests, made by the real Helm.
 * @module
 */
import { dirname } from 'node:path'
import { CHART, runHelm, type Outcome, type Values } from '../chart/helm.ts'

export type HelmOptions = {
  /** Path of the command. */
  readonly helm: string
  readonly kubeconfig: string
  readonly namespace: string
  readonly release?: string
  readonly chart?: string
}

export type ReleaseOptions = {
  /** Files first, then `values` over them. */
  readonly valuesFiles?: readonly string[]
  readonly values?: Values
  readonly args?: readonly string[]
}

/** One release of the chart. Each function gives what Helm says, whether it succeeds or not. */
export type Release = {
  install(options?: ReleaseOptions): Promise<Outcome>
  upgrade(options?: ReleaseOptions): Promise<Outcome>
  template(options?: ReleaseOptions): Promise<Outcome>
  /** @param args command and its arguments, without the namespace */
  run(args: readonly string[]): Promise<Outcome>
}

export function openRelease({ helm, kubeconfig, namespace, release = 'agentos', chart = CHART }: HelmOptions): Release {
  // What it remembers of the server stays with the server.
  const env = { KUBECONFIG: kubeconfig, HOME: dirname(kubeconfig) }
  const run = async (args: readonly string[], values?: Values) => {
    const outcome = await runHelm(helm, [...args, '--namespace', namespace], values, env)
    return { ...outcome, stderr: withoutWatches(outcome.stderr) }
  }
  const withValues =
    (command: string) =>
    ({ valuesFiles = [], values, args = [] }: ReleaseOptions = {}) => {
      const files = [...valuesFiles, ...(values === undefined ? [] : ['-'])].flatMap((file) => ['-f', file])
      return run([command, release, chart, ...files, ...args], values)
    }
  return {
    install: withValues('install'),
    upgrade: withValues('upgrade'),
    template: withValues('template'),
    run,
  }
}

/** Helm 4 may log how the watch of a hook ended, whether or not all went well. */
function withoutWatches(log: string): string {
  const lines = log.split('\n')
  return lines.filter((line) => !/^\S+ \S+ +\d+ reflector\.go:\d+\] /.test(line)).join('\n')
}
