/**
 * The chart with another Chart.yaml.
 * @module
 */
import { cp, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHART } from '../chart/helm.ts'

/** @param lines of Chart.yaml by their key, in place of those that are there */
export async function copyChart(lines: Readonly<Record<string, string>>) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'agentos-chart-'))
  const path = join(folder.path, 'agentos')
  await cp(CHART, path, { recursive: true })
  const file = join(path, 'Chart.yaml')
  let text = await readFile(file, 'utf8')
  for (const [key, value] of Object.entries(lines)) {
    text = text.replace(new RegExp(`^${key}: .*$`, 'm'), `${key}: '${value}'`)
  }
  await writeFile(file, text)
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}
