/**
 * Builds the server's image from the Dockerfile of this repository, on stand-ins for its published bases.
 *
 *   node tools/image.ts TAG [FILE.tar]     build, and save as an archive that `docker load` and containerd read
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BUILD_IMAGE, buildBases, buildImage, RUNTIME_IMAGE, whyNoImage } from './image-bases.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'

/** @throws {Error} when this machine cannot build one, or the build fails */
async function buildServerImage(tag: string): Promise<void> {
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

const [tag, file] = process.argv.slice(2)
if (tag === undefined) {
  console.error('usage: node tools/image.ts TAG [FILE.tar]')
  process.exit(2)
}
await buildServerImage(tag)
if (file !== undefined) await run('buildah', ['push', '--quiet', tag, `docker-archive:${file}:${tag}`])
console.log(tag)
