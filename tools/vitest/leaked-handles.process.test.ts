import { execFile } from 'node:child_process'
import { mkdtempDisposable, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..', '..')

const TCP_SERVER = `(await import('node:http')).createServer().listen(0)`
const CHILD = `(await import('node:child_process')).spawn('sleep', ['2'])`
const WORKER = `new (await import('node:worker_threads')).Worker('setTimeout(() => {}, 3000)', { eval: true })`

/** Names and bodies of test files. */
const FILES: Readonly<Record<string, string>> = {
  server: TCP_SERVER,
  child: CHILD,
  worker: WORKER,
  tidy: `await using server = ${TCP_SERVER}; await using worker = ${WORKER}`,
}

type Report = { testResults: { name: string; status: string; message: string }[] }

test('fails exactly the files that leave a server, a child process or a worker open', { timeout: 30_000 }, async () => {
  await using folder = await mkdtempDisposable(join(await realpath(tmpdir()), 'leaks-'))
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'))
  for (const [name, body] of Object.entries(FILES)) {
    const source = `import { test } from 'vitest'\ntest('a', async () => { ${body} })`
    await writeFile(join(folder.path, `${name}.test.ts`), source)
  }
  const settings = {
    setupFiles: [join(import.meta.dirname, 'leaked-handles.ts')],
    experimental: { viteModuleRunner: false },
    // As the projects have it: files share a process, and each answers for its own.
    isolate: false,
    maxWorkers: 1,
  }
  await writeFile(join(folder.path, 'vitest.config.js'), `export default ${JSON.stringify({ test: settings })}`)
  const vitest = await realpath(join(ROOT, 'node_modules/.bin/vitest'))
  const args = [vitest, 'run', '--reporter=json', '--outputFile=report.json']
  await expect(run(process.execPath, args, { cwd: folder.path })).rejects.toMatchObject({ code: 1 })

  const report = JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8')) as Report
  const failures = report.testResults
    .filter(({ status }) => status === 'failed')
    .map(({ name, message }) => [basename(name, '.test.ts'), /left (.*?) open\./.exec(message)?.[1]])
  expect(Object.fromEntries(failures)).toEqual({
    server: '1 TCPServerWrap',
    child: '1 ProcessWrap',
    worker: '1 Worker',
  })
})
