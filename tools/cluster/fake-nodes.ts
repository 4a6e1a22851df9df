/**
 * Nodes that only say they run their pods, played by kwok: enough for scheduling, rollouts, disruptions and scaling. No
 * container starts, so that nothing a container needs is ever missed: images, Secrets, volumes, probes.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../local-server.ts'
import type { ControlPlane } from './control-plane.ts'
import { installKwok } from './install.ts'
import { startProgram } from './program.ts'

const STAGES = join(import.meta.dirname, 'fake-nodes.yaml')
const ZONES = 3
const SIZE = { cpu: '32', memory: '256Gi', pods: '250' }
/** kwok plays the nodes that have it. */
const MARK = { 'kwok.x-k8s.io/node': 'fake' }

/** @param count of nodes `fake-1` ..., each in the next of three zones */
export async function startFakeNodes(cluster: ControlPlane, { count }: { readonly count: number }) {
  const address = `127.0.0.1:${await freePort()}`
  const marks = Object.entries(MARK).map(([name, value]) => `${name}=${value}`)
  const kwok = await startProgram(
    [
      await installKwok(),
      `--kubeconfig=${cluster.kubeconfig}`,
      `--config=${STAGES}`,
      '--manage-all-nodes=false',
      `--manage-nodes-with-annotation-selector=${marks.join(',')}`,
      `--server-address=${address}`,
    ],
    { name: 'kwok', log: join(cluster.folder, 'log/kwok.log') },
  )
  try {
    const file = join(cluster.folder, 'fake-nodes.json')
    const items = Array.from({ length: count }, (_, index) => describeNode(index + 1))
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    if (count > 0) {
      await cluster.kubectl(['apply', '--server-side', '-f', file])
      await cluster.kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s'])
    }
    return kwok
  } catch (error) {
    await kwok[Symbol.asyncDispose]()
    throw error
  }
}

function describeNode(number: number) {
  const name = `fake-${number}`
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: MARK,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'topology.kubernetes.io/zone': `zone-${((number - 1) % ZONES) + 1}`,
      },
    },
    status: { allocatable: SIZE, capacity: SIZE },
  }
}
