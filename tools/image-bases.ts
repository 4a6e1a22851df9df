/**
 * Stand-ins for the two images that the Dockerfile builds on, for machines without an image registry, out of packages of
 * Debian and npm:
 * - BUILD_IMAGE: Debian 12 with a shell, Node and npm;
 * - RUNTIME_IMAGE: C and C++ libraries, certificate authorities and time zones; no shell.
 * Needs root, buildah and mmdebstrap.
 * @module
 */
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findCommand } from './debian-packages.ts'

const run = promisify(execFile)

/** Of Debian. */
export const SUITE = 'bookworm'
const NPM = 'npm@11.6.2'
const BUILD_PACKAGES = 'ca-certificates,libstdc++6,libatomic1'
const RUNTIME_PACKAGES = 'base-files,netbase,ca-certificates,tzdata,libc6,libgcc-s1,libstdc++6'
const NO_DOCUMENTATION = ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)

/** A new version takes new names. */
export const BUILD_IMAGE = `localhost/agentos-build:${SUITE}-1`
export const RUNTIME_IMAGE = `localhost/agentos-runtime:${SUITE}-1`

const NEEDED = ['buildah', 'mmdebstrap']

/** @returns why no image can be built on this machine; undefined when one can */
export async function whyNoImage(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'building an image needs root'
  for (const command of NEEDED) {
    if ((await findCommand(command)) === undefined)
      return `${command} is missing (Debian: apt-get install ${NEEDED.join(' ')})`
  }
  return undefined
}

/** Builds with `--isolation chroot`, which works inside a container. */
export async function buildImage(tag: string, context: string, options: readonly string[] = []): Promise<void> {
  const args = ['bud', '--quiet', '--isolation', 'chroot', ...options, '--tag', tag, context]
  await run('buildah', args, { maxBuffer: 64 * 1024 * 1024 })
}

/** Builds both, unless they are there. @param node path of the Node that both stages take */
export async function buildBases(node: string): Promise<void> {
  const isThere = async (image: string) =>
    run('buildah', ['inspect', '--type', 'image', image], { maxBuffer: 16 * 1024 * 1024 }).then(
      () => true,
      () => false,
    )
  if (!(await isThere(BUILD_IMAGE))) await inFolder((folder) => buildBuildBase(folder, node))
  if (!(await isThere(RUNTIME_IMAGE))) await inFolder(buildRuntimeBase)
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agentos-image-base-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function buildBuildBase(folder: string, node: string): Promise<void> {
  await bootstrap('essential', BUILD_PACKAGES, join(folder, 'root.tar'))
  await copyFile(node, join(folder, 'node'))
  await chmod(join(folder, 'node'), 0o755)
  await run('npm', ['pack', '--silent', NPM], { cwd: folder })
  const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Error(`npm packed no ${NPM}`)
  await mkdir(join(folder, 'npm'))
  await run('tar', ['xzf', archive, '-C', 'npm', '--strip-components=1'], { cwd: folder })
  const lines = [
    'FROM scratch',
    'ADD root.tar /',
    'COPY node /usr/local/bin/node',
    'COPY npm /usr/local/lib/node_modules/npm',
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && chmod 755 /usr/local/lib/node_modules/npm/bin/npm-cli.js',
    // This machine's certificate authorities, for npm in a RUN; they are mounted there and stay out of every image.
    'ENV NODE_EXTRA_CA_CERTS=/run/host-ca.crt',
  ]
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'))
  await buildImage(BUILD_IMAGE, folder)
}

async function buildRuntimeBase(folder: string): Promise<void> {
  await bootstrap('extract', RUNTIME_PACKAGES, join(folder, 'root.tar'))
  await mkdir(join(folder, 'root'))
  await run('tar', ['xf', 'root.tar', '-C', 'root', './usr/share/ca-certificates'], { cwd: folder })
  // Packages that are only unpacked have not run the script that gathers these.
  const authorities = join(folder, 'root/usr/share/ca-certificates/mozilla')
  const certificates = (await readdir(authorities)).toSorted().map((name) => readFile(join(authorities, name), 'utf8'))
  await writeFile(join(folder, 'ca.crt'), (await Promise.all(certificates)).join(''))
  const lines = ['FROM scratch', 'ADD root.tar /', 'COPY ca.crt /etc/ssl/certs/ca-certificates.crt']
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'))
  await buildImage(RUNTIME_IMAGE, folder)
}

async function bootstrap(variant: 'essential' | 'extract', packages: string, file: string): Promise<void> {
  await run(
    'mmdebstrap',
    ['--quiet', `--variant=${variant}`, `--include=${packages}`, ...NO_DOCUMENTATION, SUITE, file],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  )
}
