import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const BOOTSTRAP = fileURLToPath(new URL('bootstrap.js', import.meta.url))

test('ends its script when the shell that npm ran it in is ended', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'bootstrap-'))
  const script = join(folder.path, 'script.mjs')
  await writeFile(
    script,
    `process.once('SIGTERM', () => { console.log('asked to end'); process.exit() })
     setInterval(() => {}, 1000); console.log('started')`,
  )
  // The second command keeps the shell from becoming the first.
  const shell = spawn('sh', ['-c', `"${process.execPath}" "${BOOTSTRAP}" prod "${script}"; true`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('started')
  shell.kill('SIGTERM')
  await once(shell, 'exit')
  expect((await lines.next()).value).toBe('asked to end')
  expect((await lines.next()).done).toBe(true)
})
