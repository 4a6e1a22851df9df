/**
 * Go, as far as tools are built with it: whether the machine has it, and how it builds the same thing everywhere.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BUILD_TIMEOUT_MS = 1_800_000

/** Go's own installer leaves it to the user to extend the PATH. */
const path = () => [process.env['PATH'], '/usr/local/go/bin'].join(delimiter)

/** One module and one Go: neither a workspace around it nor a newer toolchain is fetched. */
const SETTINGS = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOTOOLCHAIN: 'local' }
const REPRODUCIBLE = ['-buildvcs=false', '-trimpath']
const SMALL = '-ldflags=-s -w'

/**
 * @param leastMinor of the oldest Go 1 that will do
 * @returns why nothing can be built with Go on this machine; undefined when it can
 */
export async function whyNoGo(leastMinor: number): Promise<string | undefined> {
  let version: string
  try {
    version = (await run('go', ['env', 'GOVERSION'], { env: { ...process.env, PATH: path() } })).stdout.trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'Go is not installed'
    throw error
  }
  const [, minor = '0'] = /^go1\.(\d+)/.exec(version) ?? []
  return Number(minor) >= leastMinor ? undefined : `Go 1.${leastMinor} or newer is needed, and ${version} is installed`
}

/**
 * Builds a program of the module in `folder`, whose go.sum pins everything.
 * @param program package path, `.` for the module itself
 * @param target file, or existing folder, that the program is written to
 * @param variables text of variables of packages, by path: what releases put in by their own build scripts
 */
export async function buildPinned(
  folder: string,
  program: string,
  target: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  const linker = [SMALL, ...Object.entries(variables).map(([name, text]) => `-X ${name}=${text}`)].join(' ')
  await runGo(['build', '-mod=readonly', ...REPRODUCIBLE, linker, '-o', target, program], { cwd: folder })
}

/**
 * Builds a released program as its authors pinned it; Go's checksum database vouches for the release.
 * @param program package path of its main package, without version
 * @param target file that the program is written to
 */
export async function installRelease(program: string, version: string, target: string): Promise<void> {
  const work = await mkdtemp(join(dirname(target), 'go-'))
  try {
    await runGo(['install', ...REPRODUCIBLE, SMALL, `${program}@${version}`], { env: { GOBIN: work } })
    await rename(join(work, basename(program)), target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** @returns the read-only folder that holds the sources of a module */
export async function downloadModule(module: string, version: string): Promise<string> {
  const { stdout } = await runGo(['mod', 'download', '-json', `${module}@${version}`])
  // `go help mod download` describes the answer.
  const { Dir: folder } = JSON.parse(stdout) as { Dir: string }
  return folder
}

async function runGo(args: readonly string[], { cwd, env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  return run('go', args, {
    ...(cwd && { cwd }),
    env: { ...process.env, PATH: path(), ...SETTINGS, ...env },
    timeout: BUILD_TIMEOUT_MS,
    maxBuffer: 1e7,
  })
}
