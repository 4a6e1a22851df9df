import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { tryImage } from '../../tools/image-trial.ts'
import { runSql } from '../database.ts'
import { createFigures } from './figures.ts'

const run = promisify(execFile)

test('starts from an image without a shell, whose user can write nothing of it', async () => {
  const { image, cgroup, postgresUrl } = inject('node')
  await run('buildah', ['pull', '--quiet', `docker-archive:${image.file}`])
  await runSql(postgresUrl, 'create database trial')
  const url = new URL(postgresUrl)
  url.pathname = '/trial'
  const readyMs = await tryImage(image.name, { postgresUrl: url.href, cgroup })
  createFigures().tell('image: seconds from the start of a container to ready, on an empty PostgreSQL', readyMs / 1000)
  // A slow machine takes its time; whoever tries it gives up at a minute.
  expect(readyMs).toBeLessThan(60_000)
})
