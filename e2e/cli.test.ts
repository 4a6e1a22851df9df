/**
 * The commands for a developer's own folder: init, check, test.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { runAgentOS } from './server-process.ts'

const ROOT = join(import.meta.dirname, '..')
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc')

test('check passes a good folder', async () => {
  const { exitCode, output } = await runAgentOS(['check', join(ROOT, 'examples', 'agents')])
  expect(output).toMatch(/loaded .*assistant/)
  expect(output).toMatch(/^ok: 6 agents/m)
  expect(exitCode).toBe(0)
})

test('check fails a folder with a bad file, shows where, and names the good ones too', async () => {
  await using folder = await createFolder({
    'good.ts': agentSource('good'),
    'bad.ts': `${agentSource('bad')}const x: = 1\n`,
  })
  const { exitCode, output } = await runAgentOS(['check', folder.path])
  expect(output).toMatch(/^error +bad\.ts/m)
  expect(output).toContain('const x: = 1')
  expect(output).toMatch(/^loaded +good\.ts/m)
  expect(output).toMatch(/^not ok: .*1 error/m)
  expect(exitCode).toBe(1)
})

test('check fails an empty folder', async () => {
  await using folder = await createFolder()
  const { exitCode, output } = await runAgentOS(['check', folder.path])
  expect(output).toContain('not ok')
  expect(exitCode).toBe(1)
})

test('init makes a folder that passes check, its own test and tsc, and touches no folder with content', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'agentos-e2e-init-'))
  const dir = join(parent, 'my-agents')
  try {
    expect(await runAgentOS(['init', dir])).toMatchObject({ exitCode: 0, output: expect.stringContaining(dir) })
    expect(await runAgentOS(['check', dir])).toMatchObject({ exitCode: 0, output: expect.stringContaining('ok: ') })
    const tested = await runAgentOS(['test', dir])
    expect(tested.output).toMatch(/pass [1-9]/)
    expect(tested.output).toMatch(/fail 0/)
    expect(tested.exitCode).toBe(0)
    // Outside this repository there is no node_modules to fall back to.
    await promisify(execFile)(TSC, ['--noEmit', '-p', dir]).catch((error: { stdout: string }) => {
      throw new Error(error.stdout)
    })
    expect(await runAgentOS(['init', dir])).toMatchObject({ exitCode: 1, output: expect.stringContaining('not empty') })
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
})
