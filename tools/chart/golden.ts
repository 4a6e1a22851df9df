/**
 * What the chart renders, kept as files, so that a change of a template shows in a review what it does to the objects.
 * @module
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listScenarios, renderChart } from './helm.ts'

const FOLDER = join(import.meta.dirname, 'golden')

/** Dashboards and alerts are left out: they are copies of files that stand elsewhere. */
const KEPT = new Set([
  'embedded',
  'eso-all',
  'eso-azure',
  'eso-gcp',
  'eso-keeper',
  'eso-secrets-manager',
  'eso-ssm',
  'eso-vault',
  'extras',
  'gitsync-github-app',
  'gitsync-ssh',
  'initdb-server',
  'keda',
  'mesh',
  'minimal',
  'requirements',
  'workers',
])

/**
 * @param helm path of the command
 * @returns names of the scenarios whose file is missing or shows something else; after writing them with `write`
 */
export async function findStaleGoldens(helm: string, { write }: { readonly write: boolean }): Promise<string[]> {
  const stale: string[] = []
  for (const { name, file } of listScenarios().filter((scenario) => KEPT.has(scenario.name))) {
    const rendering = await renderChart({ helm, valuesFiles: [file] })
    if (!rendering.ok) throw new Error(`${name}: ${rendering.error}`)
    const golden = join(FOLDER, `${name}.yaml`)
    if (rendering.manifest === (await readGolden(golden))) continue
    stale.push(name)
    if (!write) continue
    await mkdir(FOLDER, { recursive: true })
    await writeFile(golden, rendering.manifest)
  }
  return stale
}

async function readGolden(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
