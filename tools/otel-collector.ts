/**
 * A real OpenTelemetry Collector, which e2e sends traces and metrics through: built once from the modules that
 * `tools/otel-collector/go.sum` pins. That takes some minutes of one core.
 *
 *   node tools/otel-collector.ts     print the path of its command
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from './cache-folder.ts'
import { buildPinned, whyNoGo } from './go.ts'

const SOURCE = join(import.meta.dirname, 'otel-collector')
/** As go.mod says. */
const LEAST_GO = 25

/** @returns why the collector cannot be built on this machine; undefined when it can */
export const whyNoOtelCollector = () => whyNoGo(LEAST_GO)

/**
 * @returns path of the command
 * @throws {Error} when Go is missing, or a module cannot be had
 */
export async function installOtelCollector(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(SOURCE, file)))
  const folder = await installOnce(`otel-collector-${hash.digest('hex').slice(0, 12)}`, (target) =>
    buildPinned(SOURCE, '.', target),
  )
  return join(folder, 'otel-collector')
}

if (import.meta.main) console.log(await installOtelCollector())
