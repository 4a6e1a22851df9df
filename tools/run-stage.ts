/**
 * Runs a stage and counts what passed. Knows how to start the repository's commands on this very Node.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Stage } from './stages.ts'
import { countTests, type Count, type VitestReport } from './vitest-report.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')

export interface StageResult extends Count {
  readonly stage: Stage
  readonly seconds: number
}

/**
 * @param output `stream` shows the output as it comes; `at-end` shows it whole when the stage has ended, so that stages
 *   can run side by side
 */
export async function runStage(stage: Stage, output: 'stream' | 'at-end'): Promise<StageResult> {
  const started = performance.now()
  if (output === 'stream') console.log(`\n=== ${stage.name}`)
  const work = await mkdtemp(join(tmpdir(), 'agentos-stage-'))
  try {
    const reportFile = join(work, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
    const { code, log } = await start(stage, stage.isVitest ? reporters : [], output)
    const count = stage.isVitest
      ? withExitCode(countTests(await readReport(reportFile)), code)
      : { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: [], reasons: [] }
    const result = { stage, seconds: (performance.now() - started) / 1000, ...count }
    if (output === 'at-end') console.log(`\n=== ${stage.name}\n${log.trimEnd()}`)
    console.log(describe(result))
    return result
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function start(stage: Stage, extra: readonly string[], output: 'stream' | 'at-end') {
  const [command, ...args] = stage.command
  const script = command.endsWith('.ts') ? join(ROOT, command) : await realpath(join(BIN, command))
  const child = spawn(process.execPath, [script, ...args, ...extra], {
    cwd: ROOT,
    // A test that starts `node` gets this one, and not the machine's.
    env: { ...process.env, ...stage.env, PATH: [BIN, dirname(process.execPath), process.env['PATH']].join(delimiter) },
    stdio: ['ignore', output === 'stream' ? 'inherit' : 'pipe', output === 'stream' ? 'inherit' : 'pipe'],
  })
  const [[code], ...logs] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
  ])
  return { code: code ?? 1, log: logs.join('') }
}

/** Vitest writes no report when it cannot start, or finds no test file. */
async function readReport(file: string): Promise<VitestReport> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as VitestReport
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { testResults: [] }
  }
}

/** A run can fail although every test passed: an error outside all tests, or no test at all. */
function withExitCode(count: Count, code: number): Count {
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count
}

function describe({ stage, passed, failed, seconds }: StageResult): string {
  const time = `${seconds.toFixed(1)} s`
  if (failed > 0) return `FAILED ${stage.name}: ${failed} failed, ${passed} passed (${time}). ${stage.fix}`
  return `ok ${stage.name}: ${passed} passed (${time})`
}
