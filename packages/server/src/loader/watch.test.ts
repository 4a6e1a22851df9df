import { mkdir, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { keepLog, makeFolder, until } from './test-folder.ts'
import { createWatcher } from './watch.ts'

/** A watcher that counts what it tells. */
function open() {
  let changes = 0
  const { log, entries } = keepLog()
  const watcher = createWatcher({ onChange: () => changes++, log })
  return { ...watcher, entries, changes: () => changes, [Symbol.dispose]: watcher.close }
}

test('changes of followed directories are told, those of others are not', async () => {
  await using folder = await makeFolder({ 'a/x': '', 'b/x': '' })
  using watcher = open()
  watcher.follow([folder.at('a'), folder.at('b')])
  await folder.write({ 'a/y': '' })
  await until(() => watcher.changes() > 0)
  watcher.follow([folder.at('a')])
  await delay(50)
  const before = watcher.changes()
  await folder.write({ 'b/y': '' })
  await delay(100)
  expect(watcher.changes()).toBe(before)
})

test('a directory that was removed and made again is watched again', async () => {
  await using folder = await makeFolder({ 'a/x': '' })
  using watcher = open()
  watcher.follow([folder.at('a')])
  await rm(folder.at('a'), { recursive: true })
  await mkdir(folder.at('a'))
  watcher.follow([folder.at('a')])
  await delay(50)
  const before = watcher.changes()
  await folder.write({ 'a/y': '' })
  await until(() => watcher.changes() > before)
  expect(watcher.entries).toEqual([])
})

test('nothing is followed any more once it is closed', async () => {
  await using folder = await makeFolder({ 'a/x': '' })
  using watcher = open()
  watcher.close()
  watcher.follow([folder.at('a')])
  await folder.write({ 'a/y': '' })
  await delay(100)
  expect(watcher.changes()).toBe(0)
})

test('a directory that is not there is left to the poll, without a warning', async () => {
  await using folder = await makeFolder()
  using watcher = open()
  watcher.follow([folder.at('gone')])
  await folder.write({ 'gone/x': '' })
  watcher.follow([folder.at('gone')])
  await folder.write({ 'gone/y': '' })
  await until(() => watcher.changes() > 0)
  expect(watcher.entries).toEqual([])
})
