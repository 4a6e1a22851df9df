/**
 * Tries an image as the chart runs it: a user that is only a number, a root that cannot be written, no capabilities. Needs
 * root, podman and runc.
 * @module
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './local-server.ts'

const run = promisify(execFile)

const ENGINE = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs']
const RESTRICTED = [
  '--rm',
  '--network=host',
  '--read-only',
  '--tmpfs=/tmp',
  '--user=61000:61000',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
  // Podman within a container may not raise these.
  '--ulimit=nofile=4096:4096',
  '--ulimit=nproc=4096:4096',
]
const START_LIMIT_MS = 60_000
const POLL_MS = 20

export type TrialOptions = {
  /** Database of the server that is started; empty: an embedded one that it has to make. */
  readonly postgresUrl?: string
  /** Control group of the containers, in each hierarchy; empty: podman's own. */
  readonly cgroup?: string
}

/**
 * @returns milliseconds from the start of the container until the server is ready
 * @throws {Error} naming what the image does not do
 */
export async function tryImage(image: string, { postgresUrl = '', cgroup = '' }: TrialOptions = {}): Promise<number> {
  const limits = cgroup === '' ? RESTRICTED : [...RESTRICTED, `--cgroup-parent=/${cgroup}`]
  const once = (args: readonly string[], options: readonly string[] = []) =>
    run('podman', [...ENGINE, 'run', ...limits, ...options, image, ...args])
  const { stdout: version } = await once(['--version'])
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`--version printed ${JSON.stringify(version)}`)
  const { stdout: found } = await once(['doctor'])
  if (!/^ok$/m.test(found)) throw new Error(`doctor found problems:\n${found}`)
  for (const shell of ['/bin/sh', '/bin/bash', '/usr/bin/env']) await expectNone(once, shell)
  const written = await once(['-e', WRITES], ['--entrypoint', '/usr/local/bin/node'])
  if (written.stdout.trim() !== '') throw new Error(`its user can write ${written.stdout.trim()}`)
  return timeStart(image, limits, postgresUrl)
}

/** Prints what the user of the process could change of the program. */
const WRITES = `
const fs = require('node:fs')
const walk = (path) => {
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    const file = path + '/' + entry.name
    const { uid, mode } = fs.lstatSync(file)
    if (!entry.isSymbolicLink() && (uid === 61000 || mode & 2)) console.log(file)
    if (entry.isDirectory()) walk(file)
  }
}
for (const folder of ['/app', '/usr/local']) walk(folder)`

type Once = (args: readonly string[], options?: readonly string[]) => Promise<unknown>

async function expectNone(once: Once, program: string): Promise<void> {
  const isThere = await once([], ['--entrypoint', program]).then(
    () => true,
    (error: { stderr?: string }) => !/no such file|not found/.test(error.stderr ?? ''),
  )
  if (isThere) throw new Error(`it has ${program}`)
}

async function timeStart(image: string, limits: readonly string[], postgresUrl: string): Promise<number> {
  const name = `agentos-trial-${randomBytes(4).toString('hex')}`
  const port = await freePort()
  const database = postgresUrl === '' ? {} : { POSTGRES_URL: postgresUrl }
  const settings = { AGENTOS_PORT: port, AGENTOS_LOG_FORMAT: 'json', ...database }
  const env = Object.entries(settings).flatMap(([key, value]) => ['-e', `${key}=${value}`])
  const started = performance.now()
  await run('podman', [...ENGINE, 'run', '--detach', '--name', name, ...limits, ...env, image])
  try {
    while (!(await isReady(port))) {
      if (performance.now() - started > START_LIMIT_MS) throw new Error(`it is not ready after ${START_LIMIT_MS} ms`)
      await sleep(POLL_MS)
    }
    return performance.now() - started
  } finally {
    await run('podman', [...ENGINE, 'stop', '--time', '10', name])
  }
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}
