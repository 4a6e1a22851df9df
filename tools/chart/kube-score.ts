/**
 * kube-score's opinion of rendered objects, and where this chart thinks otherwise.
 * @module
 */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** Checks that the chart does not pass by default, and why it does not. */
export const OTHER_OPINIONS: Readonly<Record<string, string>> = {
  'container-ephemeral-storage-request-and-limit':
    'The root cannot be written, and every scratch volume has a size limit: there is nothing else to account for.',
  'container-image-pull-policy':
    'Tags are versions that never change, and a digest can be given; Always would make the registry a condition of every start.',
  'container-resources':
    'A CPU limit slows down a server that waits for models, with the processor idle. How much memory agents may take only their author knows: `resources`.',
  'deployment-replicas':
    'One pod can have the embedded database, so that a first try needs nothing else: `replicaCount`.',
  'pod-networkpolicy': 'Whom agents call is not known: `networkPolicy.enabled`.',
}

/** As kube-score counts: critical is 1, a warning 5, good 10. */
const PASSING_GRADE = 7

type Report = readonly {
  readonly object_name: string
  readonly type_meta: { readonly kind: string }
  readonly checks: readonly {
    readonly check: { readonly id: string }
    readonly grade: number
    readonly skipped: boolean
    readonly comments: readonly { readonly path: string; readonly summary: string }[] | null
  }[]
}[]

export type Finding = { readonly check: string; readonly object: string; readonly what: string }

/** @returns what kube-score holds against the objects of a manifest, in all its checks but the optional ones */
export async function scoreManifest(kubeScore: string, manifest: string): Promise<readonly Finding[]> {
  const child = spawn(kubeScore, ['score', '--output-format', 'json', '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(manifest)
  const [output, problem] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (!output.startsWith('[')) throw new Error(`kube-score gave no report: ${problem}`)
  // Its own report.
  const report = JSON.parse(output) as Report
  return report.flatMap(({ object_name: name, type_meta: { kind }, checks }) =>
    checks
      .filter(({ grade, skipped }) => !skipped && grade < PASSING_GRADE)
      .map(({ check, comments }) => ({
        check: check.id,
        object: `${kind} ${name}`,
        what: (comments ?? []).map(({ path, summary }) => `${path} ${summary}`.trim()).join('; '),
      })),
  )
}
