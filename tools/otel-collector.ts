/**
 * A real OpenTelemetry Collector, which e2e sends traces and metrics through: built once from the modules that
 * `tools/otel-collector/go.sum` pins. That takes some minutes of one core.
 *
 *   node tools/otel-collector.ts     print the path of its command
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { installOnce } from './cache-folder.ts'

const run = promisify(execFile)
const SOURCE = join(import.meta.dirname, 'otel-collector')
/** As go.mod says. */
const LEAST_GO = 25
const BUILD_TIMEOUT_MS = 900_000

/** Go's own installer leaves it to the user to extend the PATH. */
const env = () => ({ ...process.env, PATH: [process.env['PATH'], '/usr/local/go/bin'].join(delimiter) })

/** @returns why the collector cannot be built on this machine; undefined when it can */
export async function whyNoOtelCollector(): Promise<string | undefined> {
  let version: string
  try {
    version = (await run('go', ['env', 'GOVERSION'], { env: env() })).stdout.trim()
  } catch {
    return 'Go is not installed'
  }
  const [, minor = '0'] = /^go1\.(\d+)/.exec(version) ?? []
  return Number(minor) >= LEAST_GO ? undefined : `Go 1.${LEAST_GO} or newer is needed, and ${version} is installed`
}

/**
 * @returns path of the command
 * @throws {Error} when Go is missing, or a module cannot be had
 */
export async function installOtelCollector(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(SOURCE, file)))
  const folder = await installOnce(`otel-collector-${hash.digest('hex').slice(0, 12)}`, async (target) => {
    const build = ['build', '-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags=-s -w', '-o', target, '.']
    // One module and one Go: neither a workspace around it nor a newer toolchain is fetched.
    const settings = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOTOOLCHAIN: 'local' }
    await run('go', build, { cwd: SOURCE, env: { ...env(), ...settings }, timeout: BUILD_TIMEOUT_MS, maxBuffer: 1e7 })
  })
  return join(folder, 'otel-collector')
}

if (import.meta.main) console.log(await installOtelCollector())
