import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type ChartTools, installChartTools } from './commands.ts'
import { bothHelms, CHART, renderChart } from './helm.ts'
import { findKnownKeys, type Path, schemaAt, setAt, type ValuesSchema, wrongValue } from './schema-paths.ts'

/** Values that have the shape of a part of a pod: what Kubernetes knows of it may be set. */
const OF_KUBERNETES = /^(resources|securityContext|podSecurityContext|.*Probe)$/
/** What a parent chart hands to all its charts is not for this one alone to know. */
const OPEN = 'global'

let tools: ChartTools
let schema: ValuesSchema
let values: unknown
beforeAll(async () => {
  tools = await installChartTools()
  schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as ValuesSchema
  values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'))
})

/** Helm names every problem at once, so that one run tells of all keys. */
async function refusalOf(helm: string, given: Record<string, unknown>): Promise<string> {
  const rendering = await renderChart({ helm, values: given })
  if (rendering.ok) throw new Error('Helm took it')
  return rendering.error
}

test('every key that the schema knows has its default in values.yaml', () => {
  const { keys } = findKnownKeys(schema)
  const missing = keys.filter((path) => {
    if (path.some((key) => OF_KUBERNETES.test(key))) return false
    const parent = valueAt(path.slice(0, -1))
    return typeof parent === 'object' && parent !== null && !Object.hasOwn(parent, path.at(-1) ?? '')
  })
  expect(keys.length).toBeGreaterThan(200)
  expect(missing.map((path) => path.join('.'))).toEqual([])
})

test.each(['Helm 3', 'Helm 4'])('%s refuses a misspelling of every key', async (name) => {
  const helm = new Map(bothHelms(tools)).get(name) ?? ''
  const { keys } = findKnownKeys(schema)
  const given: Record<string, unknown> = {}
  const typos = keys.map((path) => misspell(path)).filter(([first, second]) => first !== OPEN || second === undefined)
  for (const path of typos) setAt(given, path, 'x')
  const refusal = await refusalOf(helm, given)
  expect(typos.length).toBeGreaterThan(200)
  expect(typos.filter((path) => !isNamed(refusal, path)).map((path) => path.join('.'))).toEqual([])
})

test.each(['Helm 3', 'Helm 4'])('%s refuses a value of the wrong type at every key that has one', async (name) => {
  const helm = new Map(bothHelms(tools)).get(name) ?? ''
  const given: Record<string, unknown> = {}
  const wrong = findKnownKeys(schema).leaves.filter((path) => {
    const value = wrongValue(schema, schemaAt(schema, path))
    if (value !== undefined) setAt(given, path, value)
    return value !== undefined
  })
  const refusal = await refusalOf(helm, given)
  expect(wrong.length).toBeGreaterThan(150)
  expect(wrong.filter((path) => !refusal.includes(`'/${path.join('/')}`)).map((path) => path.join('.'))).toEqual([])
})

function valueAt(path: Path): unknown {
  // Read from YAML: an object, or what has no keys.
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], values)
}

function misspell(path: Path): Path {
  const key = path.at(-1) ?? ''
  return [...path.slice(0, -1), `${key}X`]
}

/** `at '/image': additional properties 'tagX', 'digestX' not allowed` */
function isNamed(refusal: string, path: Path): boolean {
  const at = path
    .slice(0, -1)
    .map((key) => `/${key}`)
    .join('')
  return refusal
    .split('\n')
    .some((line) => line.includes(`at '${at}': additional properties`) && line.includes(`'${path.at(-1)}'`))
}
