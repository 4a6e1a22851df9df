import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createPacer } from './pacer.ts'
import { createSnapshots } from './snapshot.ts'
import { makeFolder, type TestFolder } from './test-folder.ts'
import { MAX_BYTES, scanTree } from './tree.ts'

const scan = (folder: TestFolder, path = '') => scanTree(folder.at(path), createPacer(systemClock))

describe('the tree of a folder', () => {
  test('leaves out installed packages and dot-names, follows links inside, refuses links that leave', async () => {
    await using folder = await makeFolder({
      'a.ts': '',
      'lib/b.ts': '',
      '.env': 'SECRET=1',
      '.git/config': '',
      'node_modules/x/index.js': '',
      'lib/node_modules/y/index.js': '',
    })
    await symlink('lib', folder.at('same'))
    await symlink('..', folder.at('lib/up'))
    await symlink('/etc/hostname', folder.at('host'))
    await symlink('gone', folder.at('dangling'))
    const tree = await scan(folder)
    expect(tree.files.map(({ path }) => path)).toEqual(['a.ts', 'lib/b.ts', 'same/b.ts'])
    expect(tree.refused.map(({ path }) => path)).toEqual(['host', 'lib/up', 'same/up'])
  })

  test('its signature changes with every kind of change, and with nothing else', async () => {
    await using folder = await makeFolder({ 'a.ts': 'one', 'lib/b.ts': '' })
    const seen = [(await scan(folder)).signature]
    const next = async () => {
      const { signature } = await scan(folder)
      expect(seen).not.toContain(signature)
      seen.push(signature)
    }
    expect((await scan(folder)).signature).toBe(seen[0])
    await folder.write({ '.env': 'x', 'node_modules/x.js': '' })
    expect((await scan(folder)).signature).toBe(seen[0])
    await folder.write({ 'a.ts': 'two' })
    await next()
    await folder.write({ 'c.ts': '' })
    await next()
    await rm(folder.at('lib'), { recursive: true })
    await next()
    await symlink('/etc/hostname', folder.at('d.ts'))
    await next()
  })

  test('a folder that is no folder of agents is refused by its size', async () => {
    await using folder = await makeFolder({ 'big.bin': '' })
    await truncate(folder.at('big.bin'), MAX_BYTES + 1)
    await expect(scan(folder)).rejects.toThrow(
      /has more than 20000 files or 512 MiB .*; point the server at the folder of the agents/,
    )
  })
})

describe('copies', () => {
  test('hold the bytes of every file, and what the source becomes later does not reach them', async () => {
    await using folder = await makeFolder({
      'src/a.ts': 'one',
      'src/lib/deep/b.txt': 'ü',
      'src/big.bin': 'x'.repeat(2_000_000),
    })
    await symlink('lib/deep/b.txt', folder.at('src/link.txt'))
    const snapshots = createSnapshots(folder.at('snapshots'), process.pid)
    const { root, release } = await snapshots.take(await scan(folder, 'src'))
    await folder.write({ 'src/a.ts': 'two' })
    await rm(folder.at('src/lib'), { recursive: true })
    expect(await readFile(`${root}/a.ts`, 'utf8')).toBe('one')
    expect(await readFile(`${root}/link.txt`, 'utf8')).toBe('ü')
    expect(await readFile(`${root}/big.bin`, 'utf8')).toHaveLength(2_000_000)
    await release()
    await release()
    expect(await readdir(folder.at('snapshots'))).toEqual([])
  })

  test('the hash is of names and content', async () => {
    await using folder = await makeFolder({ 'one/a.ts': 'x', 'two/a.ts': 'x', 'three/b.ts': 'x', 'four/a.ts': 'y' })
    const snapshots = createSnapshots(folder.at('snapshots'), process.pid)
    const hashes: string[] = []
    for (const name of ['one', 'two', 'three', 'four']) {
      const snapshot = await snapshots.take(await scan(folder, name))
      hashes.push(snapshot.contentHash)
      await snapshot.release()
    }
    expect(hashes[0]).toBe(hashes[1])
    expect(new Set(hashes).size).toBe(3)
  })

  test('one that fails halfway leaves nothing behind', async () => {
    await using folder = await makeFolder(
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`src/${index}.ts`, ''])),
    )
    const snapshots = createSnapshots(folder.at('snapshots'), process.pid)
    const tree = await scan(folder, 'src')
    await rm(folder.at('src/40.ts'))
    await expect(snapshots.take(tree)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readdir(folder.at('snapshots'))).toEqual([])
  })
})

describe('slots', () => {
  test('are numbered from 0 and used again', async () => {
    await using folder = await makeFolder({ 'src/a.ts': '' })
    const snapshots = createSnapshots(folder.at('snapshots'), process.pid)
    const tree = await scan(folder, 'src')
    const [first, second] = [await snapshots.take(tree), await snapshots.take(tree)]
    expect([first.root, second.root]).toEqual([folder.at('snapshots/0/tree'), folder.at('snapshots/1/tree')])
    await first.release()
    expect((await snapshots.take(tree)).root).toBe(folder.at('snapshots/0/tree'))
  })

  test('of processes that are gone are freed, those of living ones and other files are not', async () => {
    await using folder = await makeFolder({ 'src/a.ts': '' })
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    for (const [slot, owner] of [
      ['0', dead],
      ['1', process.ppid],
      ['2', process.pid],
      ['3', dead],
    ] as const) {
      await mkdir(folder.at(`snapshots/${slot}/tree`), { recursive: true })
      await writeFile(folder.at(`snapshots/${slot}/owner`), String(owner))
    }
    await folder.write({ 'snapshots/readme.txt': '' })
    const snapshots = createSnapshots(folder.at('snapshots'), process.pid)
    const { root } = await snapshots.take(await scan(folder, 'src'))
    expect(root).toBe(folder.at('snapshots/0/tree'))
    expect((await readdir(folder.at('snapshots'))).sort()).toEqual(['0', '1', 'readme.txt'])
  })

  test('taken by two processes at once, twenty times, are twenty', async () => {
    await using folder = await makeFolder({ 'src/a.ts': '' })
    const tree = await scan(folder, 'src')
    const mine = createSnapshots(folder.at('snapshots'), process.pid)
    const others = createSnapshots(folder.at('snapshots'), process.ppid)
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? mine : others).take(tree)),
    )
    expect(new Set(taken.map(({ root }) => root)).size).toBe(20)
    for (const { root } of taken) expect(await readdir(root)).toEqual(['a.ts'])
  })
})
