/**
 * The other processes of the bench, and what they use: the limit program, the load generator, CPU time and memory as the
 * kernel counts them.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Job, Result } from './load/job.ts'

/** Clock ticks a second in /proc; fixed on Linux. */
const TICKS = 100

export type Target = AsyncDisposable & { readonly url: string; readonly pid: number }

/** The limit program; it ends with this process. */
export function startLimit(modelUrl: string, postgresUrl: string): Promise<Target> {
  return startProgram(join('limit', 'main.ts'), [modelUrl, postgresUrl])
}

/** The receiver of traces (`receiver/main.ts`); it ends with this process. */
export function startReceiver(): Promise<Target> {
  return startProgram(join('receiver', 'main.ts'), [])
}

/** @param entry a program of this folder that prints its URL as one JSON line and ends with its standard input */
async function startProgram(entry: string, args: readonly string[]): Promise<Target> {
  const child = spawn(process.execPath, [join(import.meta.dirname, entry), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(() => Promise.reject(new Error(`${entry} ended before it listened`))),
  ])) as [string]
  const { url } = JSON.parse(line) as { url: string }
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await exited
    },
  }
}

/** Runs the load generator to its end. */
export async function load<J extends Job>(job: J): Promise<Result<J>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load', 'main.ts'), JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = () => child.kill('SIGKILL')
  process.once('exit', stop)
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  process.off('exit', stop)
  if (code !== 0) throw new Error(`the load generator ended with ${code}`)
  return JSON.parse(output) as Result<J>
}

/** Milliseconds of CPU that the process has used. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
}

/** Resident memory in MB. */
export async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024
}

/** Looks again and again until `during` has ended. @returns the greatest memory seen, in MB */
export async function peakRssMb(pid: number, during: Promise<unknown>): Promise<number> {
  let peak = 0
  await sample(50, during, async () => {
    peak = Math.max(peak, await rssMb(pid))
  })
  return peak
}

/** Asks /health again and again until `during` has ended. @returns milliseconds of each answer */
export async function probeHealth(url: string, during: Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = []
  await sample(20, during, async () => {
    const askedAt = performance.now()
    const response = await fetch(`${url}/health`)
    await response.arrayBuffer()
    times.push(performance.now() - askedAt)
  })
  return times
}

async function sample(everyMs: number, during: Promise<unknown>, take: () => Promise<void>): Promise<void> {
  const ended = during.then(
    () => true,
    () => true,
  )
  const pause = () => new Promise<false>((done) => setTimeout(() => done(false), everyMs))
  do await take()
  while (!(await Promise.race([ended, pause()])))
}
