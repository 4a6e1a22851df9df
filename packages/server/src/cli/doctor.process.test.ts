import { execFile } from 'node:child_process'
import { mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'

// Processes that load the whole server, on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const MAIN = join(import.meta.dirname, 'main.ts')

function agentos(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const env = { PATH: process.env['PATH'], AGENTOS_PORT: '0', ...environment }
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
      // Of a process that ended by itself it is a number.
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

test('prints JSON for programs, ends with 0 when all is well, and leaves nothing behind', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-doctor-'))
  const { code, stdout } = await agentos(folder.path, ['doctor', '.', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    agents_directory: { path: folder.path, exists: true, is_folder: true },
    ports: [{ setting: 'AGENTOS_PORT', state: 'free' }],
    collectors: [],
    database: { engine: 'embedded', failure: null, state: null },
    queue: null,
    problems: [],
  })
  expect(code).toBe(0)
  expect(await readdir(folder.path)).toEqual([])
})

test('ends with 1 when something is wrong, and with 2 when it cannot be asked like that', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-doctor-'))
  const gone = { POSTGRES_URL: 'postgresql://agentos:secret-word@127.0.0.1:1/agentos' }
  const unreachable = await agentos(folder.path, ['doctor', 'nowhere'], gone)
  expect(unreachable.stdout).toMatch(/problem: There is no agents folder.*\n.*\nproblem: Cannot use PostgreSQL at 127/)
  expect(JSON.stringify(unreachable)).not.toContain('secret-word')
  expect(unreachable.code).toBe(1)
  const otherCommand = await agentos(folder.path, ['migrate', '--json'])
  expect(otherCommand).toMatchObject({ code: 2, stderr: expect.stringContaining('migrate has no --json.') })
  const server = await agentos(folder.path, ['doctor', '--url', 'http://127.0.0.1:1', '--json'])
  expect(JSON.parse(server.stdout)).toMatchObject({ info: null, problems: [{ code: null }] })
  expect(server.code).toBe(1)
})
