/**
 * Gives the `node` test project its cluster with a real node, which lives as long as the run.
 * @module
 */
import type { TestProject } from 'vitest/node'
import { installHelm } from '../helm-install.ts'
import { startRealCluster } from '../node/real-cluster.ts'

/** @returns what stops the cluster again */
export async function setup(project: TestProject) {
  const cluster = await startRealCluster()
  project.provide('node', {
    kubeconfig: cluster.kubeconfig,
    kube: cluster.kube,
    helm: await installHelm(4),
    postgresUrl: cluster.postgresUrl,
    image: cluster.image,
    cgroup: cluster.cgroup,
  })
  return async () => {
    await cluster[Symbol.asyncDispose]()
  }
}
