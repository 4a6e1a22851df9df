/**
 * Builds the server's image from the Dockerfile of this repository, on stand-ins for its published bases.
 *
 *   node tools/image.ts TAG [FILE.tar]     build, and save as an archive that `docker load` and containerd read
 *   node tools/image.ts --try TAG          run it as the chart does, and say what is wrong with it and how long it took
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { BUILD_IMAGE, buildBases, buildImage, RUNTIME_IMAGE, whyNoImage } from './image-bases.ts'
import { tryImage } from './image-trial.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'

/** @throws {Error} when this machine cannot build one, or the build fails */
export async function buildServerImage(tag: string): Promise<void> {
  const obstacle = await whyNoImage()
  if (obstacle !== undefined) throw new Error(`Cannot build the image: ${obstacle}.`)
  await buildBases(process.execPath)
  const { version } = JSON.parse(await readFile(join(ROOT, 'packages/server/package.json'), 'utf8')) as {
    version: string
  }
  const given = { BUILD_IMAGE, RUNTIME_IMAGE, VERSION: version }
  const options = Object.entries(given).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await buildImage(tag, ROOT, ['--volume', `${AUTHORITIES}:/run/host-ca.crt:ro`, ...options])
}

/** Saves an image under its name, in place of a file that is there. */
export async function saveImage(tag: string, file: string): Promise<void> {
  // buildah adds nothing to an archive, and replaces none.
  await rm(file, { force: true })
  await run('buildah', ['push', '--quiet', tag, `docker-archive:${file}:${tag}`])
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { try: { type: 'boolean' } } })
  const [tag, file] = positionals
  if (tag === undefined) {
    console.error('usage: node tools/image.ts [--try] TAG [FILE.tar]')
    process.exit(2)
  }
  if (values.try) {
    const readyMs = await tryImage(tag, { postgresUrl: process.env['POSTGRES_URL'] ?? '' })
    console.log(`${tag}: ready ${Math.round(readyMs)} ms after the start of its container`)
  } else {
    await buildServerImage(tag)
    if (file !== undefined) await saveImage(tag, file)
    console.log(tag)
  }
}
