/**
 * Gives the `cluster` test project its cluster: a real control plane with fake nodes in three zones, and the custom
 * resources that the chart can render. It lives as long as the run.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { openApi } from '../cluster/api.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { defineCustomResources } from '../cluster/custom-resources.ts'
import { startFakeNodes } from '../cluster/fake-nodes.ts'
import { defineClasses } from '../cluster/namespace.ts'

const NODES = 6

/** @returns what stops the cluster again, and says when something of it goes on */
export async function setup(project: TestProject) {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startControlPlane())
  stack.use(await startFakeNodes(cluster, { count: NODES }))
  using api = await openApi(cluster.kubeconfig)
  await defineClasses(api)
  await defineCustomResources(api)
  project.provide('kubeconfig', cluster.kubeconfig)
  const parts = stack.move()
  return async () => {
    await parts.disposeAsync()
    const left = findProcesses(cluster.folder)
    if (left.length > 0) throw new Error(`processes of the cluster go on: ${left.join(', ')}`)
  }
}

/** @returns numbers of the processes that were told of a folder */
function findProcesses(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && readCommand(pid).includes(folder))
}

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch (error) {
    // It has just ended.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}
