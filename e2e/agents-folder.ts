/**
 * Agents folders made by a test: plain ones, and ones behind a link that is moved as git-sync moves it.
 * @module
 */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Content by path. */
export type Files = Readonly<Record<string, string>>

export type Folder = AsyncDisposable & {
  readonly path: string
  readonly write: (files: Files) => Promise<void>
  readonly remove: (path: string) => Promise<void>
}

export async function createFolder(files: Files = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'agentos-e2e-agents-'))
  await writeFiles(path, files)
  return {
    path,
    write: (more) => writeFiles(path, more),
    remove: (name) => rm(join(path, name), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

export type Repository = AsyncDisposable & {
  /** The agents folder behind the link. */
  readonly path: string
  /** Publishes `files` as `revision`, 40 hex digits: a new worktree, then the link is moved onto it at once. */
  readonly publish: (revision: string, files: Files) => Promise<void>
}

/** What git-sync leaves on disk: `.worktrees/<sha>` and a link `current` that is replaced by rename. */
export async function createRepository(): Promise<Repository> {
  const root = await mkdtemp(join(tmpdir(), 'agentos-e2e-sync-'))
  let published: string | undefined
  return {
    path: join(root, 'current', 'agents'),
    publish: async (revision, files) => {
      const worktree = join(root, '.worktrees', revision)
      await writeFiles(join(worktree, 'agents'), files)
      const next = join(root, 'current.next')
      await symlink(join('.worktrees', revision), next)
      await rename(next, join(root, 'current'))
      // git-sync removes the worktree it has left.
      if (published !== undefined && published !== revision)
        await rm(join(root, '.worktrees', published), { recursive: true, force: true })
      published = revision
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

async function writeFiles(root: string, files: Files): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

/** Source of an agent called `id`. @param more further options of the agent, as source */
export function agentSource(id: string, more = ''): string {
  return `import { agent } from '@agentos/sdk'\nexport default agent({ id: '${id}', name: '${id}', ${more} })\n`
}

/** Source of an agent with one tool `act` whose body is `body`, with `input` and `ctx` in scope. */
export function toolAgentSource(id: string, body: string, options = ''): string {
  return `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const act = tool({
  name: 'act', description: 'Acts', input: z.object({ city: z.string() }), ${options}
  run: async (input, ctx) => { ${body} },
})
export default agent({ id: '${id}', name: '${id}', tools: [act] })
`
}
