import { expect, test } from 'vitest'
import type { KubernetesObject, Pod, PodSpec, SecurityContext } from './objects.ts'
import { findPodSecurityProblems } from './pod-security.ts'

const OWNER: KubernetesObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }
const RESTRICTED: SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
}

function podOf(securityContext: SecurityContext, spec: Partial<PodSpec> = {}): Pod {
  return { owner: OWNER, metadata: {}, spec: { containers: [{ name: 'a', image: 'a', securityContext }], ...spec } }
}

test('a restricted pod has no problem', () => {
  expect(findPodSecurityProblems(podOf(RESTRICTED, { volumes: [{ name: 'tmp', emptyDir: {} }] }))).toEqual([])
})

test('what the pod says counts for its containers', () => {
  const { runAsNonRoot = true, seccompProfile = { type: '' }, ...own } = RESTRICTED
  expect(findPodSecurityProblems(podOf(own, { securityContext: { runAsNonRoot, seccompProfile } }))).toEqual([])
})

const CASES: readonly (readonly [string, SecurityContext, Partial<PodSpec>])[] = [
  ['container a may escalate privileges', { allowPrivilegeEscalation: true }, {}],
  ['container a is privileged', { privileged: true }, {}],
  ['container a does not drop all capabilities', { capabilities: { drop: ['NET_RAW'] } }, {}],
  ['container a adds SYS_ADMIN', { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } }, {}],
  ['container a may run as root', { runAsNonRoot: false }, {}],
  ['container a runs as root', { runAsUser: 0 }, {}],
  ['container a has the seccomp profile Unconfined', { seccompProfile: { type: 'Unconfined' } }, {}],
  ['hostNetwork is on', {}, { hostNetwork: true }],
  ['volume a is a hostPath', {}, { volumes: [{ name: 'a', hostPath: { path: '/' } }] }],
]

test.each(CASES)('%s', (problem, change, spec) => {
  expect(findPodSecurityProblems(podOf({ ...RESTRICTED, ...change }, spec))).toEqual([problem])
})

test('init containers are looked at too', () => {
  const pod = podOf(RESTRICTED, { initContainers: [{ name: 'first', image: 'a' }] })
  expect(findPodSecurityProblems(pod)).toContain('container first may run as root')
})
