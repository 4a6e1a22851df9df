import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { renderChart, renderObjects } from './helm.ts'
import { findObject, findPods } from './objects.ts'

/** Passwords of one run of Helm, which costs far more than a password. */
const BATCH = 200
const RUNS = 3
const URLS = {
  POSTGRES_URL: 'postgresql+psycopg:',
  POSTGRES_RAW_URL: 'postgresql:',
  PGVECTOR_DB_URL: 'postgresql+psycopg:',
}

/** What URLs, Go's templates, YAML and shells each take for something else. */
const HOSTILE = [
  ' ',
  '+',
  '%',
  '%20',
  '%2B',
  '/',
  '?',
  '#',
  '@',
  ':',
  '&',
  '=',
  ';',
  ',',
  '!',
  '$',
  "'",
  '"',
  '`',
  '\\',
  '(',
  ')',
  '*',
  '~',
  '|',
  '<',
  '>',
  '[',
  ']',
  '{',
  '}',
  '{{ .db_pass }}',
  '$(DB_PASS)',
  '${DB_PASS}',
  'p@ss/w?rd#1',
  'ü',
  '密码',
  '😀',
  '\t',
  '^',
  'a b+c',
] as const

const PART = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }))
const PASSWORD = fc
  .array(PART, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
  // PostgreSQL takes no NUL in a password.
  .filter((password) => !password.includes('\0') && password.isWellFormed())

type ParsedUrl = {
  readonly user?: string
  readonly password?: string
  readonly host?: string
  readonly port?: string
  readonly database?: string
}

/** The parser of pg. It leaves `/?#+&=:;,@$` in the name of a database encoded, so that no name here has them. */
const parsePg = createRequire(join(import.meta.dirname, '../../packages/server/package.json'))('pg-connection-string')
  .parse as (url: string) => ParsedUrl

let helm: string
beforeAll(async () => {
  helm = (await installChartTools()).helm4
})

test('URLs that External Secrets makes carry any password, user and name through both parsers unharmed', async () => {
  const database = {
    host: 'db.example.com',
    appUser: 'us@er name',
    name: 'my db%',
    urlMode: 'externalSecretTemplate',
  }
  const values = {
    database,
    externalSecrets: {
      enabled: true,
      secretStoreRef: { name: 'store' },
      secrets: { db_pass: { remoteRef: { key: 'db' } } },
    },
  }
  const secret = findObject(await renderObjects({ helm, values }), 'ExternalSecret')
  const { target } = secret.spec as { target: { template: { data: Record<string, string> } } }
  const templates = target.template.data
  expect(Object.keys(templates)).toEqual(expect.arrayContaining(Object.keys(URLS)))
  await using templated = await openTemplates()

  await fc.assert(
    fc.asyncProperty(fc.array(PASSWORD, { minLength: BATCH, maxLength: BATCH }), async (passwords) => {
      for (const [variable, protocol] of Object.entries(URLS)) {
        const urls = await templated.run(templates[variable] ?? '', passwords)
        const expected = passwords.map((password) => expectedParts(protocol, { ...database, password }))
        expect(urls.map(parseBoth)).toEqual(expected)
      }
    }),
    // A smaller example would cost a run of Helm for each step.
    { numRuns: RUNS, endOnFailure: true },
  )
})

test('URLs without a password carry any user, name and host through both parsers unharmed', async () => {
  for (const [appUser, name, host] of [
    ['My-App', 'my-db', 'db.example.com'],
    ["o'brien@corp", 'a b%20c%', '2001:db8::1'],
    ['密码', '"quoted"', '10.0.0.7'],
  ] as const) {
    const [pod] = findPods([
      findObject(await renderObjects({ helm, values: { database: { appUser, name, host } } }), 'Deployment'),
    ])
    const env = pod?.spec.containers[0]?.env ?? []
    for (const [variable, protocol] of Object.entries(URLS)) {
      const url = env.find((given) => given.name === variable)?.value ?? ''
      expect(parseBoth(url)).toEqual(expectedParts(protocol, { password: '', appUser, name, host }))
    }
  }
})

type Database = { readonly password: string; readonly appUser: string; readonly name: string; readonly host: string }

function expectedParts(protocol: string, { password, appUser: user, name, host }: Database) {
  const parts = { user, password, host, port: '5432', name }
  return { protocol, whatwg: parts, pg: parts }
}

/** What each parser sees, in the words of the other. */
function parseBoth(text: string) {
  const url = new URL(text)
  const whatwg = {
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    name: decodeURIComponent(url.pathname.slice(1)),
  }
  const { user, password = '', host, port, database: name } = parsePg(text.replace(/[?].*$/, ''))
  return { protocol: url.protocol, whatwg, pg: { user, password, host: host?.replace(/^\[|\]$/g, ''), port, name } }
}

/** A chart whose only business is to run a template of External Secrets, with the functions that the operator has too. */
async function openTemplates() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'agentos-templates-'))
  const chart = join(folder.path, 'templates-of-secrets')
  await mkdir(join(chart, 'templates'), { recursive: true })
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: templates-of-secrets\nversion: 0.0.1\n')
  await writeFile(
    join(chart, 'templates', 'all.yaml'),
    `{{- $made := list -}}
{{- range .Values.passwords -}}
{{- $made = append $made (tpl $.Values.template (dict "Template" $.Template "db_pass" .)) -}}
{{- end -}}
made: {{ $made | toJson | b64enc }}
`,
  )
  return {
    run: async (template: string, passwords: readonly string[]): Promise<readonly string[]> => {
      const rendering = await renderChart({ helm, chart, values: { template, passwords } })
      if (!rendering.ok) throw new Error(rendering.error)
      const [, encoded = ''] = /made: (\S+)/.exec(rendering.manifest) ?? []
      return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as string[]
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
