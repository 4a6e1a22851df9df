/**
 * JSON schemas of everything that the chart can render: Kubernetes' own objects for each release it is tested against,
 * and the custom resources, made from what their projects publish as Go modules.
 * Invariant: a field that the API does not know is an error, in custom resources too.
 *
 *   KUBERNETES/GROUP_KIND_VERSION.json     `v1.36.3/apps_deployment_v1.json`, `v1.36.3/v1_pod_v1.json`
 *   custom/GROUP_KIND_VERSION.json
 *   definitions.json                       the CustomResourceDefinitions themselves
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { installOnce } from '../cache-folder.ts'
import { downloadModule } from '../go.ts'
import { makeStrict, type Schema } from './strict-schema.ts'

/** Oldest that the chart allows, two between, newest. */
export const KUBERNETES_VERSIONS = ['v1.29.14', 'v1.32.13', 'v1.35.4', 'v1.36.3'] as const

/** Where each project keeps its custom resource definitions. */
const CUSTOM_RESOURCES = [
  ['istio.io/api', 'v1.31.1', 'kubernetes/customresourcedefinitions.gen.yaml'],
  ['github.com/external-secrets/external-secrets', 'v1.3.2', 'config/crds/bases/external-secrets.io_*.yaml'],
  ['github.com/kedacore/keda/v2', 'v2.21.0', 'config/crd/bases/keda.sh_*.yaml'],
  ['sigs.k8s.io/gateway-api', 'v1.6.1', 'config/crd/standard/gateway.networking.k8s.io_*.yaml'],
  [
    'github.com/prometheus-operator/prometheus-operator',
    'v0.93.0',
    'example/prometheus-operator-crd/monitoring.coreos.com_*.yaml',
  ],
] as const

const DRAFT = 'http://json-schema.org/draft-07/schema#'
const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

type Definitions = Readonly<Record<string, Schema>>
type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string }

/** A CustomResourceDefinition, as far as it matters here. */
export type CustomResource = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { name: string; served: boolean; schema: { openAPIV3Schema: Schema } }[]
  }
}

/** @returns the folder that holds them; downloads the modules when it is not there */
export async function installSchemas(): Promise<string> {
  const own = await Promise.all(
    ['schemas.ts', 'strict-schema.ts'].map((name) => readFile(join(import.meta.dirname, name))),
  )
  const hash = createHash('sha256').update(Buffer.concat(own)).digest('hex').slice(0, 12)
  return installOnce(`chart-schemas-${hash}`, async (target) => {
    let definitions: Definitions = {}
    for (const version of KUBERNETES_VERSIONS) {
      definitions = await readDefinitions(version)
      await writeKubernetes(join(target, version), definitions)
    }
    const resources = await readCustomResources()
    await writeCustom(join(target, 'custom'), resources, definitions)
    await writeFile(join(target, 'definitions.json'), JSON.stringify(resources))
  })
}

async function readDefinitions(version: string): Promise<Definitions> {
  const folder = await downloadModule('k8s.io/kubernetes', version)
  const swagger = JSON.parse(await readFile(join(folder, 'api/openapi-spec/swagger.json'), 'utf8')) as {
    definitions: Definitions
  }
  return swagger.definitions
}

async function writeKubernetes(folder: string, definitions: Definitions): Promise<void> {
  const strict = Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, makeStrict(schema)]))
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'] as readonly GroupVersionKind[] | undefined
    const [kind, ...others] = kinds ?? []
    const schema = strict[name]
    // Lists and options are no objects of their own.
    if (kind === undefined || others.length > 0 || schema?.properties?.['apiVersion'] === undefined) continue
    await writeSchema(folder, kind, schema, collectNeeded(schema, strict))
  }
}

/** The definitions of all custom resources that the chart can render, and of their neighbours. */
async function readCustomResources(): Promise<readonly CustomResource[]> {
  const resources: CustomResource[] = []
  for (const [module, version, pattern] of CUSTOM_RESOURCES) {
    const folder = await downloadModule(module, version)
    for await (const file of glob(pattern, { cwd: folder })) {
      for (const document of parseAllDocuments(await readFile(join(folder, file), 'utf8'))) {
        // What such a file may hold besides is told apart by its kind.
        const resource = document.toJS() as CustomResource | null
        if (resource?.kind === 'CustomResourceDefinition') resources.push(resource)
      }
    }
  }
  return resources
}

async function writeCustom(folder: string, resources: readonly CustomResource[], definitions: Definitions) {
  const metadata: Schema = { $ref: `#/definitions/${METADATA}` }
  const needed = collectNeeded(metadata, mapValues(definitions, makeStrict))
  for (const { group, names, versions } of resources.map(({ spec }) => spec)) {
    for (const { name, served, schema } of versions) {
      if (!served) continue
      const strict = makeStrict(schema.openAPIV3Schema)
      const properties = { ...strict.properties, metadata }
      const kind = { group, version: name, kind: names.kind }
      await writeSchema(folder, kind, { ...strict, properties, additionalProperties: false }, needed)
    }
  }
}

async function writeSchema(folder: string, gvk: GroupVersionKind, schema: Schema, definitions: Definitions) {
  const { group, version, kind } = gvk
  const properties = {
    ...schema.properties,
    apiVersion: { const: group === '' ? version : `${group}/${version}` },
    kind: { const: kind },
  }
  const required = [...new Set([...(schema.required ?? []), 'apiVersion', 'kind', 'metadata'])]
  await mkdir(folder, { recursive: true })
  const text = JSON.stringify({ $schema: DRAFT, ...schema, properties, required, definitions })
  // As kubeconform spells it: the core group has the name of its version.
  await writeFile(join(folder, `${group || version}_${kind}_${version}.json`.toLowerCase()), text)
}

/** @returns the definitions that `schema` leads to, by whatever many steps */
function collectNeeded(schema: Schema, all: Definitions): Definitions {
  const needed: Record<string, Schema> = {}
  const visit = (part: Schema) => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      const definition = all[name]
      if (definition === undefined || needed[name] !== undefined) continue
      needed[name] = definition
      visit(definition)
    }
  }
  visit(schema)
  return needed
}

function mapValues(definitions: Definitions, change: (schema: Schema) => Schema): Definitions {
  return Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, change(schema)]))
}
