/**
 * Rendered objects against the schemas of the API server that would get them.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChartTools } from './commands.ts'

const NAME = '{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json'
const MAX_OUTPUT_BYTES = 100_000_000

type Report = { readonly resources?: readonly { kind: string; name: string; status: string; msg: string }[] }

/**
 * @param kubernetes one of KUBERNETES_VERSIONS
 * @returns one line for each object that this Kubernetes, or the project of a custom resource, would not take
 */
export async function findInvalidObjects(tools: ChartTools, kubernetes: string, manifest: string) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-chart-'))
  const file = join(folder.path, 'manifest.yaml')
  await writeFile(file, manifest)
  const locations = [kubernetes, 'custom'].flatMap((part) => ['-schema-location', join(tools.schemas, part, NAME)])
  const report = await run(tools.kubeconform, ['-strict', '-output', 'json', ...locations, file])
  return (report.resources ?? []).map(({ kind, name, status, msg }) => `${kind} ${name}: ${status} ${msg}`)
}

/** kubeconform ends with 1 when it finds something; its report says what. */
async function run(command: string, args: readonly string[]): Promise<Report> {
  const { promise, resolve, reject } = Promise.withResolvers<Report>()
  execFile(command, args, { maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
    if (error !== null && error.code !== 1) reject(error)
    else if (!stdout.startsWith('{')) reject(new Error(`kubeconform gave no report: ${stderr}`))
    // Its own report.
    else resolve(JSON.parse(stdout) as Report)
  })
  return promise
}
