/**
 * Who may import whom. `MAY_IMPORT` is the table of ARCHITECTURE.md; everything else here turns it into rules.
 * Type imports count. Tests stand beside their source and may reach further inside their package, because they build
 * what they test.
 * @module
 */

/**
 * Folders of `packages/server/src`, and which other folders or packages each may import.
 * `sdk types` means type imports only.
 * @type {Record<string, readonly string[]>}
 */
export const MAY_IMPORT = {
  base: [],
  config: ['base'],
  telemetry: ['base'],
  storage: ['base', 'telemetry'],
  models: ['base', 'telemetry', 'sdk types'],
  loader: ['base', 'telemetry', 'sdk'],
  runtime: ['base', 'telemetry', 'models', 'sdk'],
  documents: ['base'],
  runs: ['base', 'telemetry', 'storage'],
  schedules: ['base', 'telemetry', 'storage'],
  knowledge: ['base', 'telemetry', 'storage'],
  auth: ['base', 'telemetry', 'storage', 'wire'],
  http: ['base', 'telemetry', 'auth', 'runs', 'schedules', 'knowledge', 'loader', 'storage', 'wire'],
  testing: ['base', 'telemetry', 'models', 'runtime', 'sdk'],
}

/** The parts of the server that put the others together, and may therefore import all of them. */
const COMPOSITION_ROOTS = '^packages/server/src/(main\\.ts|main/|worker\\.ts|documents-worker\\.ts|cli/)'

const SERVER = 'packages/server/src'
const TEST_FILE = '\\.test\\.ts$'
const TABLE = 'The may-import table stands in ARCHITECTURE.md and .dependency-cruiser.js.'

/** @param {string} target a folder of the server or the name of a package */
const pathOf = (target) => {
  const name = target.replace(' types', '')
  return name === 'sdk' || name === 'wire' ? `^packages/${name}/` : `^${SERVER}/${name}/`
}

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const layers = Object.entries(MAY_IMPORT).map(([folder, targets]) => ({
  name: `may-import-${folder}`,
  comment:
    `${folder} may import ${targets.length === 0 ? 'no other folder' : targets.join(', ')}. ` +
    `Have the missing part handed in by the composition root, or move the shared piece down a layer. ${TABLE}`,
  severity: 'error',
  from: { path: `^${SERVER}/${folder}/`, pathNot: TEST_FILE },
  to: { path: '^packages/', pathNot: [folder, ...targets].map(pathOf) },
}))

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const typesOnly = Object.entries(MAY_IMPORT).flatMap(([folder, targets]) =>
  targets
    .filter((target) => target.endsWith(' types'))
    .map((target) => ({
      name: `types-only-${folder}`,
      comment: `${folder} may import only types of ${target}: write \`import type\`. ${TABLE}`,
      severity: 'error',
      from: { path: `^${SERVER}/${folder}/`, pathNot: TEST_FILE },
      to: { path: pathOf(target), dependencyTypesNot: ['type-only'] },
    })),
)

/**
 * Packages of npm that belong to one folder.
 * @type {import('dependency-cruiser').IForbiddenRuleType[]}
 */
const OWNED_PACKAGES = [
  { folder: 'storage', name: 'sql-drivers', packages: '(kysely|pg|pg-[^/]+|@electric-sql/[^/]+)/', what: 'SQL' },
  {
    folder: 'telemetry',
    name: 'telemetry-sdk',
    packages: '@opentelemetry/(sdk-|exporter-|resources/|context-async-hooks/|otlp-)',
    what: 'the OpenTelemetry SDK',
  },
  { folder: 'http', name: 'fastify', packages: '(fastify|fastify-[^/]+|@fastify/[^/]+)/', what: 'Fastify' },
].map(({ folder, name, packages, what }) => ({
  name: `${name}-only-in-${folder}`,
  comment: `Only ${folder} knows ${what}: give it a function that says what you need, and import that.`,
  severity: 'error',
  from: { path: '^(packages|examples|e2e|bench)/', pathNot: `^${SERVER}/${folder}/` },
  to: { path: `^node_modules/${packages}` },
}))

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
export const forbidden = [
  ...layers,
  ...typesOnly,
  ...OWNED_PACKAGES,
  {
    name: 'known-folders',
    comment: `This folder of ${SERVER} is not in the may-import table: add it there, with what it may import.`,
    severity: 'error',
    from: { path: `^${SERVER}/`, pathNot: [`^${SERVER}/(${Object.keys(MAY_IMPORT).join('|')})/`, COMPOSITION_ROOTS] },
    to: {},
  },
  {
    name: 'config-is-read-at-the-root',
    comment: 'Only the composition roots read the Config: take the values you need as arguments.',
    severity: 'error',
    from: { path: '^packages/', pathNot: [`^${SERVER}/config/`, COMPOSITION_ROOTS, TEST_FILE] },
    to: { path: `^${SERVER}/config/` },
  },
  {
    name: 'roots-are-not-imported',
    comment: 'Composition roots import the parts, never the other way round: take what you need as an argument.',
    severity: 'error',
    from: { path: '^packages/', pathNot: [COMPOSITION_ROOTS, TEST_FILE] },
    to: { path: COMPOSITION_ROOTS },
  },
  {
    name: 'sdk-imports-nothing',
    comment: 'The sdk has no dependencies: describe what you need as a type of its own.',
    severity: 'error',
    from: { path: '^packages/sdk/', pathNot: TEST_FILE },
    to: { pathNot: '^packages/sdk/' },
  },
  {
    name: 'wire-imports-zod',
    comment: 'wire may import zod and nothing else: it has to run in a browser too.',
    severity: 'error',
    from: { path: '^packages/wire/', pathNot: TEST_FILE },
    to: { pathNot: ['^packages/wire/', '^node_modules/zod/'] },
  },
  {
    name: 'outside-is-outside',
    comment: 'e2e, bench and examples meet the server the way users do: over HTTP, the sdk and the wire client.',
    severity: 'error',
    from: { path: '^(e2e|bench|examples)/' },
    to: {
      path: '^packages/',
      pathNot: ['^packages/sdk/src/(index|testing)\\.ts$', '^packages/wire/src/client\\.ts$'],
    },
  },
  {
    name: 'product-without-its-tools',
    comment: 'What is shipped does not import what only developers have: move the piece into a package.',
    severity: 'error',
    from: { path: '^(packages|examples)/' },
    to: { path: '^(tools|e2e|bench)/' },
  },
  {
    name: 'tools-from-outside',
    comment:
      'tools may import packages/server/bin and the tables that pages are made from, and nothing else of the packages.',
    severity: 'error',
    from: { path: '^tools/' },
    to: {
      path: '^packages/',
      pathNot: ['^packages/server/bin/', `^${SERVER}/(config/settings|base/errors|telemetry/metrics-table)\\.ts$`],
    },
  },
  {
    name: 'base-without-io',
    comment: 'base does no I/O: put this into the folder that owns the resource.',
    severity: 'error',
    from: { path: `^${SERVER}/base/`, pathNot: TEST_FILE },
    to: { path: '^(node:)?(fs|net|http|https|http2|tls|dns|dgram|child_process|worker_threads|cluster)(/|$)' },
  },
  {
    name: 'no-cycles',
    comment: 'These files import each other in a circle: move what they share into a file of its own.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'resolvable',
    comment: 'This import leads nowhere: check the path (it ends in .ts) or add the package to package.json.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
]

/** @type {import('dependency-cruiser').ICruiseOptions} */
export const options = {
  parser: 'swc',
  doNotFollow: { path: '^node_modules/' },
  exclude: { path: '/fixtures/' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'types', 'default'],
    extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
  },
}
