/**
 * Kubernetes' Pod Security Standard `restricted`, as its documentation lists it, and what this chart demands beyond it.
 * @module
 */
import { type Container, containersOf, type Pod } from './objects.ts'

const ALLOWED_VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
])

/** @returns one sentence for each way in which the pod is less than `restricted` */
export function findPodSecurityProblems(pod: Pod): readonly string[] {
  const { spec } = pod
  const problems: string[] = []
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[key]) problems.push(`${key} is on`)
  }
  for (const { name, ...source } of spec.volumes ?? []) {
    const [kind = 'nothing'] = Object.keys(source)
    if (!ALLOWED_VOLUMES.has(kind)) problems.push(`volume ${name} is a ${kind}`)
  }
  const containers = containersOf(pod).flatMap((container) => findContainerProblems(container, pod))
  return [...problems, ...containers]
}

function findContainerProblems(container: Container, { spec }: Pod): readonly string[] {
  const { name, securityContext: own = {}, ports = [] } = container
  const inherited = { ...spec.securityContext, ...own }
  const seccomp = inherited.seccompProfile?.type ?? 'none'
  const added = (own.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE')
  const rules: readonly (readonly [boolean, string])[] = [
    [own.allowPrivilegeEscalation === false, 'may escalate privileges'],
    [own.privileged !== true, 'is privileged'],
    [own.capabilities?.drop?.includes('ALL') === true, 'does not drop all capabilities'],
    [added.length === 0, `adds ${added.join(', ')}`],
    [inherited.runAsNonRoot === true, 'may run as root'],
    [inherited.runAsUser !== 0, 'runs as root'],
    [seccomp === 'RuntimeDefault' || seccomp === 'Localhost', `has the seccomp profile ${seccomp}`],
    [ports.every(({ hostPort }) => hostPort === undefined), 'takes a port of the host'],
  ]
  return rules.filter(([holds]) => !holds).map(([, problem]) => `container ${name} ${problem}`)
}
