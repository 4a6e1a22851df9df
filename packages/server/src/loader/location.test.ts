import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { locateRevision } from './location.ts'
import { makeFolder } from './test-folder.ts'

const SHA = '0123456789abcdef0123456789abcdef01234567'

describe('links', () => {
  test("git-sync's layout: the link's target is the root, its base name the revision", async () => {
    await using folder = await makeFolder({ [`git/.worktrees/${SHA}/src/agents/a.ts`]: '' })
    await symlink(`.worktrees/${SHA}`, folder.at('git/current'))
    const root = folder.at(`git/.worktrees/${SHA}`)
    const linkParent = folder.at('git')
    expect(await locateRevision(folder.at('git/current'))).toEqual({
      root,
      folder: '',
      name: SHA,
      isPinned: true,
      linkParent,
    })
    expect(await locateRevision(folder.at('git/current/src/agents'))).toEqual({
      root,
      folder: 'src/agents',
      name: SHA,
      isPinned: true,
      linkParent,
    })
  })

  test('name and root are of one revision, and there is one, however often the link moves meanwhile', async () => {
    await using folder = await makeFolder({})
    const shaOf = (number: number) => number.toString(16).padStart(40, '0')
    const publish = async (number: number) => {
      await mkdir(folder.at(`.worktrees/${shaOf(number)}/agents`), { recursive: true })
      await symlink(`.worktrees/${shaOf(number)}`, folder.at('tmp-link'))
      await rename(folder.at('tmp-link'), folder.at('current'))
      // git-sync cleans up at once what it has left.
      if (number > 0) await rm(folder.at(`.worktrees/${shaOf(number - 1)}`), { recursive: true })
    }
    await publish(0)
    let publishing = true
    const publisher = async () => {
      for (let number = 1; number <= 200; number++) await publish(number)
      publishing = false
    }
    const seen = new Set<string>()
    const looker = async () => {
      while (publishing) {
        const location = await locateRevision(folder.at('current/agents'))
        if ('missing' in location) throw new Error(location.missing)
        expect(location).toMatchObject({ root: folder.at(`.worktrees/${location.name}`), folder: 'agents' })
        seen.add(location.name ?? '')
      }
    }
    await Promise.all([publisher(), looker(), looker(), looker()])
    expect(seen.size).toBeGreaterThan(10)
  })

  test('a link inside the revision does not hide the one that publishes', async () => {
    await using folder = await makeFolder({ [`.worktrees/${SHA}/src/support/a.ts`]: '' })
    await symlink(`.worktrees/${SHA}`, folder.at('current'))
    await symlink('src/support', folder.at(`.worktrees/${SHA}/agents`))
    expect(await locateRevision(folder.at('current/agents'))).toMatchObject({
      name: SHA,
      isPinned: true,
      folder: 'src/support',
    })
  })

  test('a link to a directory of the same name only relocates, and names nothing', async () => {
    await using folder = await makeFolder({ 'data/home/agents/a.ts': '' })
    await symlink('data/home', folder.at('home'))
    expect(await locateRevision(folder.at('home/agents'))).toEqual({
      root: folder.at('data/home/agents'),
      folder: '',
      name: undefined,
      isPinned: false,
      linkParent: undefined,
    })
  })

  test('a link to another name is a revision whose content may still change', async () => {
    await using folder = await makeFolder({ 'releases/42/a.ts': '' })
    await symlink(folder.at('releases/42'), folder.at('live'))
    expect(await locateRevision(folder.at('live'))).toMatchObject({
      root: folder.at('releases/42'),
      name: '42',
      isPinned: false,
    })
  })
})

describe('nothing there', () => {
  test.each([
    ['nope', /\/nope does not exist$/],
    ['dangling', /\/dangling does not exist: the link .*\/dangling leads to .*\/gone$/],
    ['dangling/agents', /\/dangling\/agents does not exist: the link .*\/dangling leads to .*\/gone$/],
    ['file', /\/file is a file, not a folder$/],
    ['file/agents', /\/file\/agents does not exist$/],
    ['loop', /\/loop cannot be read: ELOOP/],
  ])('%s is told in words', async (path, reason) => {
    await using folder = await makeFolder({ file: '' })
    await mkdir(folder.at('empty'))
    await symlink('gone', folder.at('dangling'))
    await symlink('loop', folder.at('loop'))
    expect(await locateRevision(folder.at(path))).toEqual({ missing: expect.stringMatching(reason) })
  })
})
