/**
 * A real Kubernetes with fake nodes, to try things in.
 *
 *   node tools/cluster.ts [NODES]     start one with as many nodes (3 unless told), print the path of its kubeconfig, stop
 *                                     it on Ctrl-C
 *
 * @module
 */
import { startControlPlane } from './cluster/control-plane.ts'
import { startFakeNodes } from './cluster/fake-nodes.ts'
import { waitForEnd } from './local-server.ts'

const nodes = Number(process.argv[2] ?? '3')
if (!Number.isInteger(nodes) || nodes < 0) {
  console.error('usage: node tools/cluster.ts [NODES]')
  process.exit(2)
}
// From here on: one that is still starting must end too.
const end = waitForEnd()
await using cluster = await startControlPlane()
await using kwok = await startFakeNodes(cluster, { count: nodes })
await kwok.expectRunning()
console.log(cluster.kubeconfig)
await end
