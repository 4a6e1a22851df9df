import { mkdtempDisposable, readdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import { createLearningRedact } from '../../base/redact.ts'
import { loadConfig } from '../../config/load.ts'
import { openDatabase } from '../../storage/database.ts'
import { createDirectory } from '../../storage/testing/database.ts'
import { examine } from './examine.ts'
import { describeReport } from './text.ts'

// The embedded database is opened twice, on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

test('looks at an embedded database before there is one, when it rests and when a server has it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-doctor-'))
  const subject = {
    config: loadConfig({ AGENTOS_DATA_DIR: folder.path, AGENTOS_PORT: '0' }),
    agentsDirectory: folder.path,
    workingDirectory: folder.path,
  }
  const look = async () => {
    const { redact, learn: learnSecret } = createLearningRedact([])
    const report = await examine(subject, { clock: systemClock, ids: createIds(systemClock), redact, learnSecret })
    return { problems: report.problems.map(({ what }) => what), text: describeReport(report, Date.now()) }
  }
  const before = await look()
  expect(before).toMatchObject({ problems: [], text: expect.stringContaining('not made yet') })
  expect(await readdir(folder.path)).toEqual([])

  await using made = await makeDirectory()
  await symlink(made.directory, join(folder.path, 'database'))
  expect(await look()).toMatchObject({
    problems: ['The database has no tables yet.'],
    text: expect.stringMatching(/version 18\.\d.*\n.*schema none of/),
  })

  await using server = await openDatabase({ kind: 'embedded', directory: made.directory }, { clock: systemClock })
  expect(server.engine).toBe('embedded')
  const busy = await look()
  expect(busy.problems).toEqual([])
  expect(busy.text).toContain(`in use by process ${process.pid}`)
  expect(busy.text).toMatch(/ok: a server runs here/)
})

async function makeDirectory() {
  const { options, remove } = await createDirectory()
  return { directory: options.directory, [Symbol.asyncDispose]: remove }
}
