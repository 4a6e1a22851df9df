/** What the chart tells the containers of the product is what their commands understand. */
import { beforeAll, describe, expect, test } from 'vitest'
import { SET_UP_SETTINGS, SETTINGS } from '../../packages/server/src/config/settings.ts'
import { installChartTools } from './commands.ts'
import { listScenarios, renderObjects, type Values } from './helm.ts'
import { type Container, containersOf, findObject, findPods, type KubernetesObject } from './objects.ts'

/** What stands in the Secrets, for a variable. URLs are checked for their form. */
const SECRETS: Readonly<Record<string, string>> = {
  POSTGRES_URL: 'postgresql+psycopg://agno:secret@db.example.com/agno',
  POSTGRES_RAW_URL: 'postgresql://agno:secret@db.example.com/agno',
  PGVECTOR_DB_URL: 'postgresql+psycopg://agno:secret@db.example.com/agno',
  OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
}

/** The settings of each container of the product. Other variables are for agents. */
const TABLES: Readonly<Record<string, Readonly<Record<string, Setting>>>> = {
  agentos: SETTINGS,
  migrate: SETTINGS,
  'init-db': SET_UP_SETTINGS,
}
const FOR_AGENTS = /^(?!AGENTOS_|INITDB_|DB_|PG|OTEL_)/

type Setting = { readonly schema: { safeParse(value: unknown): { readonly success: boolean } } }

let helm: string
const rendered = new Map<string, readonly KubernetesObject[]>()
beforeAll(async () => {
  helm = (await installChartTools()).helm4
  for (const { name, file } of listScenarios()) rendered.set(name, await renderObjects({ helm, valuesFiles: [file] }))
}, 60_000)

describe.each(listScenarios())('$name', ({ name }) => {
  test('the server and its Jobs accept every variable that they are given', () => {
    const objects = rendered.get(name) ?? []
    const told = findPods(objects)
      .flatMap(containersOf)
      .filter((container) => container.name in TABLES)
    expect(told.map((container) => container.name)).toContain('agentos')
    expect(told.flatMap((container) => problemsOf(objects, container))).toEqual([])
  })
})

test('the server finds the database that the values name, by any name, and its password in a file', async () => {
  const values = {
    database: { host: 'fd00::1', port: 6000, name: 'my db', appUser: 'a/b@c', pooler: { host: 'pool', port: 6543 } },
  }
  expect(await environmentFor(values)).toMatchObject({
    POSTGRES_URL: 'postgresql+psycopg://a%2Fb%40c@pool:6543/my%20db?sslmode=prefer',
    POSTGRES_RAW_URL: 'postgresql://a%2Fb%40c@[fd00::1]:6000/my%20db?sslmode=prefer',
    PGVECTOR_DB_URL: 'postgresql+psycopg://a%2Fb%40c@pool:6543/my%20db?sslmode=prefer',
    DB_PASS_FILE: '/etc/agentos/database/password',
  })
})

test('settings of the values reach the server as they are written, large numbers too', async () => {
  const given = { AGENTOS_BODY_LIMIT_BYTES: 104_857_600, AGENTOS_WATCH: false, AGENTOS_NAME: '007' }
  expect(await environmentFor({ server: { config: given } })).toMatchObject({
    AGENTOS_BODY_LIMIT_BYTES: '104857600',
    AGENTOS_WATCH: 'false',
    AGENTOS_NAME: '007',
  })
})

test('the ports of the pods are those that the server listens on', async () => {
  const objects = await renderObjects({
    helm,
    values: { gitSync: { enabled: true, repo: 'https://example.com/r.git' } },
  })
  const env = environmentOf(objects, 'agentos')
  const ports = containerOf(objects, 'agentos').ports?.map(({ containerPort }) => `${containerPort}`)
  expect(ports).toEqual([env['AGENTOS_PORT'], env['AGENTOS_METRICS_PORT']])
  expect(containerOf(objects, 'git-sync').args).toContain(
    `--webhook-url=http://127.0.0.1:${env['AGENTOS_LOOPBACK_PORT']}/reload`,
  )
})

async function environmentFor(values: Values): Promise<Readonly<Record<string, string>>> {
  return environmentOf(await renderObjects({ helm, values }), 'agentos')
}

function problemsOf(objects: readonly KubernetesObject[], container: Container): readonly string[] {
  const { name } = container
  return Object.entries(environmentIn(objects, container)).flatMap(([variable, value]) => {
    const setting = TABLES[name]?.[variable]
    if (setting === undefined) return FOR_AGENTS.test(variable) ? [] : [`${name}: ${variable} is no setting`]
    return setting.schema.safeParse(value).success ? [] : [`${name}: ${variable} cannot be ${value}`]
  })
}

/** The variables of the first container of that name. */
function environmentOf(objects: readonly KubernetesObject[], name: string): Readonly<Record<string, string>> {
  return environmentIn(objects, containerOf(objects, name))
}

/** With a stand-in for each secret. */
function environmentIn(
  objects: readonly KubernetesObject[],
  { name, env = [], envFrom = [] }: Container,
): Readonly<Record<string, string>> {
  // What a user adds to it is not the chart's.
  const config = name === 'agentos' ? envFrom[0]?.configMapRef?.name : undefined
  const settings = config === undefined ? {} : (findObject(objects, 'ConfigMap', config).data ?? {})
  const given = env.map((variable) => [variable.name, variable.value ?? SECRETS[variable.name] ?? 'a-secret-value'])
  return { ...settings, ...Object.fromEntries(given) }
}

function containerOf(objects: readonly KubernetesObject[], name: string): Container {
  const container = findPods(objects)
    .flatMap(containersOf)
    .find((candidate) => candidate.name === name)
  if (container === undefined) throw new Error(`There is no container ${name}.`)
  return container
}
