/**
 * Runs a command as if it had the machine for itself: process ids, mounts and network of its own, and a control group of
 * its own in each hierarchy. Whatever it starts ends with it, however it ends, and its mounts and network with that.
 * Needs root.
 * @module
 */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findCommand } from '../debian-packages.ts'

const run = promisify(execFile)

const CGROUPS = '/sys/fs/cgroup'
const PREFIX = 'agentos-node-'
/** Control groups can be removed only a moment after their last process is gone. */
const REMOVE_LIMIT_MS = 10_000

/** Eight times the default, in the words of both versions. */
const CPU_WEIGHTS = [
  ['cpu.shares', '8192'],
  ['cpu.weight', '800'],
] as const

/** What the command finds in its environment. */
export const FOLDER_VARIABLE = 'AGENTOS_NODE_FOLDER'
export const CGROUP_VARIABLE = 'AGENTOS_NODE_CGROUP'

/** @returns why no such thing can be had on this machine; undefined when it can */
export async function whyNoPrivateMachine(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `namespaces are those of Linux, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'namespaces and control groups need root'
  for (const command of ['unshare', 'setpriv', 'mount']) {
    if ((await findCommand(command)) === undefined) return `${command} is missing`
  }
  // Its version is an option of its own.
  if (!(await succeeds('ip', ['-Version']))) return 'ip is missing (Debian: apt-get install iproute2)'
  if (!(await succeeds('unshare', ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'true'])))
    return 'this machine gives no namespaces'
  const name = `${PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await makeCgroups(name)
    return undefined
  } catch {
    return 'this machine lets nobody make control groups'
  } finally {
    await removeCgroups(name)
  }
}

const succeeds = (command: string, args: readonly string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  )

/**
 * @returns its exit code; 1 when a signal ended it
 * @throws {Error} naming what it left behind on the machine
 */
export async function runPrivately(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  await sweep()
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))
  const cgroup = folder.slice(folder.lastIndexOf('/') + 1)
  try {
    await makeCgroups(cgroup)
    // Others may look into it: servers that refuse to run as root do.
    await chmod(folder, 0o755)
    const temporary = join(folder, 'tmp')
    await mkdir(temporary)
    await chmod(temporary, 0o1777)
    const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
    // The shell takes up the processes that lose their parents. Both ends follow this process, even into a sudden death.
    const args = ['--pdeathsig', 'KILL', 'unshare', ...apart, 'sh', '-c', '"$@" & wait "$!"', 'sh', ...command]
    const child = spawn('setpriv', args, {
      stdio: 'inherit',
      env: { ...env, TMPDIR: temporary, [FOLDER_VARIABLE]: folder, [CGROUP_VARIABLE]: cgroup },
    })
    // A Ctrl-C reaches the command by itself, and it tidies up.
    const ignore = () => undefined
    process.on('SIGINT', ignore)
    const stop = () => child.kill('SIGKILL')
    process.once('SIGTERM', stop)
    const [code] = (await once(child, 'exit')) as [number | null]
    process.off('SIGINT', ignore)
    process.off('SIGTERM', stop)
    await expectNothingLeft(folder, cgroup)
    return code ?? 1
  } finally {
    await removeCgroups(cgroup)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Removes what runs left that were killed at once. */
async function sweep(): Promise<void> {
  for (const parent of [...(await hierarchies()), tmpdir()]) {
    for (const name of await readdir(parent)) {
      const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? []
      if (pid === undefined || (await exists(`/proc/${pid}`))) continue
      if (parent === tmpdir()) await rm(join(parent, name), { recursive: true, force: true })
      else await removeTree(join(parent, name))
    }
  }
}

/** @throws {Error} naming processes and mounts that outlived the command */
async function expectNothingLeft(folder: string, cgroup: string): Promise<void> {
  const left: string[] = []
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  left.push(...mounts.split('\n').filter((line) => line.includes(folder)))
  const deadline = performance.now() + REMOVE_LIMIT_MS
  await removeCgroups(cgroup)
  for (const hierarchy of await hierarchies()) {
    const path = join(hierarchy, cgroup)
    while ((await exists(path)) && performance.now() < deadline) {
      await sleep(100)
      await removeTree(path)
    }
    if (await exists(path)) left.push(path)
  }
  if (left.length > 0) throw new Error(`It left behind:\n${left.join('\n')}`)
}

/** Folders in which groups can be made: one of version 2, or one for each controller of version 1. */
async function hierarchies(): Promise<string[]> {
  const folders = [CGROUPS]
  for (const entry of await readdir(CGROUPS, { withFileTypes: true })) {
    if (entry.isDirectory()) folders.push(join(CGROUPS, entry.name))
  }
  const found: string[] = []
  for (const folder of folders) {
    const isRoot = (await exists(join(folder, 'cgroup.procs'))) && !found.includes(CGROUPS)
    if (isRoot) found.push(folder)
  }
  return found
}

async function makeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const path = join(hierarchy, name)
    await mkdir(path)
    // One group weighs as much as one process beside it; what runs in it is many.
    for (const [file, weight] of CPU_WEIGHTS)
      if (await exists(join(path, file))) await writeFile(join(path, file), weight)
    // Version 1 lets no process into a group that says nothing of processors.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!(await exists(join(path, file)))) continue
      if ((await readFile(join(path, file), 'utf8')).trim() === '')
        await writeFile(join(path, file), await readFile(join(hierarchy, file), 'utf8'))
    }
  }
}

async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, name))
}

/** Leaves what is in use. */
async function removeTree(path: string): Promise<void> {
  if (!(await exists(path))) return
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(path, entry.name))
  }
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EBUSY' && error.code !== 'ENOENT') throw error
  })
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOTDIR',
  )
}
