/**
 * Images of a real node, as archives that containerd reads, made once and kept: the server's own, what holds pods open, and
 * one image that stands for the published ones of git-sync and PostgreSQL's client under their names.
 * Needs root, buildah and mmdebstrap.
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { installOnce } from '../cache-folder.ts'
import { buildServerImage, saveImage } from '../image.ts'
import { buildImage, SUITE } from '../image-bases.ts'
import { PAUSE_IMAGE } from './node-settings.ts'
import type { ImageArchive } from './node.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..', '..')
const GIT_SYNC = join(ROOT, 'e2e', 'git-sync')
/** What the Dockerfile copies, and what decides what it leaves out. */
const SERVER_SOURCES = [
  'Dockerfile',
  '.dockerignore',
  '.npmrc',
  'LICENSE',
  'package.json',
  'package-lock.json',
  'packages',
  'examples',
  'e2e/package.json',
  'bench/package.json',
  ':(exclude,glob)packages/*/src/**/*.test.ts',
]
/** git for git-sync, psql for the set-up of databases, a shell and awk for the scripts of the chart. */
const TOOL_PACKAGES = 'git,postgresql-client-15,ca-certificates,libstdc++6,libatomic1'
/** A new content takes a new name. */
const TOOLS_IMAGE = 'localhost/agentos-tools:1'

export type NodeImages = {
  /** Holds pods open. */
  readonly pause: ImageArchive
  /** git-sync and psql, under the names of both. */
  readonly tools: ImageArchive
  readonly server: ImageArchive
}

/** @param pause path of the static program */
export async function buildNodeImages(pause: string): Promise<NodeImages> {
  const names = await publishedNames()
  return {
    server: { file: await serverArchive(names.server), name: names.server },
    tools: { file: await toolsArchive(), name: TOOLS_IMAGE, aliases: [names.gitSync, names.psql] },
    pause: { file: await pauseArchive(pause), name: PAUSE_IMAGE },
  }
}

type ChartImages = {
  readonly image: { readonly repository: string; readonly tag: string }
  readonly gitSync: { readonly image: { readonly repository: string; readonly tag: string } }
  readonly initDb: { readonly image: string }
}

/** The names that pods of the chart ask for by default. */
async function publishedNames() {
  const read = async (name: string): Promise<unknown> =>
    parse(await readFile(join(ROOT, 'charts/agentos', name), 'utf8'))
  // The chart's own tests hold both to their schemas.
  const { image, gitSync, initDb } = (await read('values.yaml')) as ChartImages
  const { appVersion } = (await read('Chart.yaml')) as { appVersion: string }
  return {
    server: `${image.repository}:${image.tag || appVersion}`,
    gitSync: `${gitSync.image.repository}:${gitSync.image.tag}`,
    // Names without a registry mean Docker's.
    psql: `docker.io/library/${initDb.image}`,
  }
}

/** Built anew when something changed that goes into it; earlier ones are removed. */
async function serverArchive(name: string): Promise<string> {
  const kind = 'server-image-'
  const folder = await installOnce(`${kind}${await hashSources()}`, async (target) => {
    await buildServerImage(name)
    await saveImage(name, join(target, 'image.tar'))
  })
  const cache = dirname(folder)
  for (const other of await readdir(cache)) {
    const isOlder = other.startsWith(kind) && other !== basename(folder) && !/\.(lock|partial)/.test(other)
    if (isOlder) await rm(join(cache, other), { recursive: true, force: true })
  }
  return join(folder, 'image.tar')
}

async function hashSources(): Promise<string> {
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...SERVER_SOURCES]
  const { stdout } = await run('git', listing, { cwd: ROOT, maxBuffer: 1e7 })
  const hash = createHash('sha256').update(process.version)
  for (const path of new Set(stdout.split('\0').filter(Boolean).toSorted())) {
    const content = await readFile(join(ROOT, path)).catch((error: NodeJS.ErrnoException) => {
      // Deleted, and not yet committed so.
      if (error.code === 'ENOENT') return ''
      throw error
    })
    hash.update(`${path}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 12)
}

async function pauseArchive(pause: string): Promise<string> {
  const folder = await installOnce(`${basename(dirname(pause))}-image`, async (target) => {
    const lines = ['FROM scratch', 'COPY pause /pause', 'USER 65535:65535', 'ENTRYPOINT ["/pause"]']
    await copyFile(pause, join(target, 'pause'))
    await writeFile(join(target, 'Dockerfile'), lines.join('\n'))
    await buildImage(PAUSE_IMAGE, target)
    await saveImage(PAUSE_IMAGE, join(target, 'image.tar'))
  })
  return join(folder, 'image.tar')
}

async function toolsArchive(): Promise<string> {
  const hash = createHash('sha256').update(`${TOOLS_IMAGE} ${TOOL_PACKAGES} ${process.version}`)
  for (const name of (await readdir(GIT_SYNC)).toSorted()) hash.update(await readFile(join(GIT_SYNC, name)))
  const folder = await installOnce(`node-tools-${hash.digest('hex').slice(0, 12)}`, async (target) => {
    const work = await mkdtemp(join(tmpdir(), 'agentos-tools-image-'))
    try {
      await prepareTools(work)
      await buildImage(TOOLS_IMAGE, work)
      await saveImage(TOOLS_IMAGE, join(target, 'image.tar'))
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
  return join(folder, 'image.tar')
}

async function prepareTools(work: string): Promise<void> {
  const silence = ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  const packages = ['--quiet', '--variant=essential', `--include=${TOOL_PACKAGES}`, ...silence]
  await run('mmdebstrap', [...packages, SUITE, join(work, 'root.tar')], { maxBuffer: 64 * 1024 * 1024 })
  await copyFile(process.execPath, join(work, 'node'))
  await chmod(join(work, 'node'), 0o755)
  await mkdir(join(work, 'git-sync-sources'))
  await cp(GIT_SYNC, join(work, 'git-sync-sources'), { recursive: true })
  await writeFile(join(work, 'git-sync-sources', 'package.json'), '{ "type": "module" }\n')
  await writeFile(
    join(work, 'git-sync'),
    '#!/bin/sh\nexec /usr/local/bin/node --disable-warning=ExperimentalWarning /opt/git-sync/main.ts "$@"\n',
  )
  await chmod(join(work, 'git-sync'), 0o755)
  const lines = [
    'FROM scratch',
    'ADD root.tar /',
    'COPY node /usr/local/bin/node',
    'COPY git-sync-sources /opt/git-sync',
    'COPY git-sync /git-sync',
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    'USER 65533:65533',
    'ENTRYPOINT ["/git-sync"]',
  ]
  await writeFile(join(work, 'Dockerfile'), lines.join('\n'))
}
