/**
 * A repository of agents on the local disk, and a developer who pushes to it.
 * @module
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Files } from '../agents-folder.ts'
import { git } from './git.ts'

export type GitRepository = AsyncDisposable & {
  readonly url: string
  /** Commits `files` in place of all earlier ones. @returns the hash */
  readonly commit: (files: Files) => Promise<string>
  /** Makes `hash` the newest of branch main, whatever was before. */
  readonly push: (hash: string) => Promise<void>
  /** Throws the history away: the next commit has no parent. */
  readonly forgetHistory: () => Promise<void>
  /** Nobody can reach it until it comes back. */
  readonly goAway: () => Promise<void>
  readonly comeBack: () => Promise<void>
}

export async function createGitRepository(): Promise<GitRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'agentos-e2e-git-'))
  const bare = join(folder, 'agents.git')
  const clone = join(folder, 'clone')
  await git(folder, ['init', '--bare', '-b', 'main', bare])
  await git(folder, ['init', '-b', 'main', clone])
  await git(clone, ['remote', 'add', 'origin', bare])
  // The server may hand out what no branch leads to any more, as hosts do.
  await git(bare, ['config', 'uploadpack.allowAnySHA1InWant', 'true'])
  return {
    url: `file://${bare}`,
    commit: async (files) => {
      await git(clone, ['rm', '-r', '-f', '-q', '--ignore-unmatch', '.'])
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(clone, path)), { recursive: true })
        await writeFile(join(clone, path), content)
      }
      await git(clone, ['add', '--all'])
      await git(clone, ['commit', '-q', '--allow-empty', '-m', 'Change agents'])
      return git(clone, ['rev-parse', 'HEAD'])
    },
    push: async (hash) => {
      await git(clone, ['push', '-q', '--force', 'origin', `${hash}:refs/heads/main`])
      await git(clone, ['reset', '-q', '--hard', hash])
    },
    forgetHistory: async () => {
      await git(clone, ['checkout', '-q', '--orphan', 'anew'])
      await git(clone, ['branch', '-D', 'main'])
      await git(clone, ['branch', '-m', 'main'])
    },
    goAway: () => rename(bare, `${bare}.away`),
    comeBack: () => rename(`${bare}.away`, bare),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
