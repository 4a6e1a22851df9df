import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { MAY_IMPORT } from '../.dependency-cruiser.js'
import { ERRORS } from '../packages/server/src/base/errors.ts'
import { SET_UP_SETTINGS, SETTINGS } from '../packages/server/src/config/settings.ts'
import { findStalePages } from './docs.ts'

const ROOT = join(import.meta.dirname, '..')
const PATHS = ['*.md', 'docs/**/*.md'].flatMap((pattern) => globSync(pattern, { cwd: ROOT })).toSorted()

type Doc = { readonly path: string; readonly text: string }

const DOCS: readonly Doc[] = PATHS.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

/** Variables of providers and proxies, as the sources that read them spell them. */
const PROVIDER_VARIABLES = variablesIn('families.ts', 'transport.ts')
const EMBEDDER_VARIABLES = variablesIn('embedding-families.ts')

/** Names in the pages that are neither: variables of the tests and of other software, codes of Node. */
const OTHERS = [
  'BUILD_IMAGE',
  'RUNTIME_IMAGE',
  'TEST_POSTGRES_URL',
  'GIT_SYNC_BIN',
  'GIT_SYNC_SWAPS',
  'AGENTOS_SERVICE_HOST',
  'DEEPSEEK_API_KEY',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_MODULE_NOT_FOUND',
]

test('has generated pages that match the code (mend: node tools/docs.ts --write)', async () => {
  expect((await findStalePages(ROOT)).map(({ path }) => path)).toEqual([])
})

test('has links that lead somewhere', () => {
  const broken = DOCS.flatMap(({ path, text }) =>
    linksOf(text)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !leadsSomewhere(path, link))
      .map((link) => `${path}: ${link}`),
  )
  expect(broken).toEqual([])
})

test('has links to every page, from the pages of the root or of its folder', () => {
  const linked = new Set(
    DOCS.flatMap(({ path, text }) =>
      linksOf(text).map((link) => relative(ROOT, resolve(ROOT, dirname(path), link.split('#')[0] ?? ''))),
    ),
  )
  expect(PATHS.filter((path) => path.startsWith('docs/') && !linked.has(path))).toEqual([])
})

test('names no setting and no error that does not exist', () => {
  const known = new Set([
    ...Object.keys({ ...SETTINGS, ...SET_UP_SETTINGS }),
    ...Object.keys(ERRORS),
    ...PROVIDER_VARIABLES,
    ...EMBEDDER_VARIABLES,
    ...OTHERS,
  ])
  const unknown = DOCS.flatMap(({ path, text }) =>
    capitalsOf(text)
      .filter((word) => !known.has(word))
      .map((word) => `${path}: ${word}`),
  )
  expect(unknown).toEqual([])
})

test('names every variable of the providers where models are chosen', () => {
  const page = textOf('docs/how-to/use-a-real-model.md')
  expect(PROVIDER_VARIABLES).toContain('OPENAI_API_KEY')
  expect(PROVIDER_VARIABLES.filter((name) => !page.includes(name))).toEqual([])
  const both = page + textOf('docs/how-to/answer-from-knowledge.md')
  expect(EMBEDDER_VARIABLES).toContain('VOYAGE_API_KEY')
  expect(EMBEDDER_VARIABLES.filter((name) => !both.includes(name))).toEqual([])
})

test('names only files that exist', () => {
  const missing = DOCS.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:packages|tools|examples|docs|e2e|bench)\/[\w./-]+)`/g)]
      .map(([, file = '']) => file)
      .filter((file) => !file.includes('NNNN') && !existsSync(join(ROOT, file)))
      .map((file) => `${path}: ${file}`),
  )
  const sources = new Set(
    globSync('packages/server/src/**/*.ts', { cwd: ROOT }).map((file) => file.slice('packages/server/src/'.length)),
  )
  const architecture = textOf('ARCHITECTURE.md')
  const folders = Object.keys(MAY_IMPORT).join('|')
  const named = [...architecture.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]+\\.ts)\``, 'g'))].map(
    ([, file = '']) => file,
  )
  expect(named.length).toBeGreaterThan(10)
  expect([...missing, ...named.filter((file) => !sources.has(file)).map((file) => `ARCHITECTURE.md: ${file}`)]).toEqual(
    [],
  )
})

test('has the import table of .dependency-cruiser.js in ARCHITECTURE.md', () => {
  const [, section = ''] = textOf('ARCHITECTURE.md').split('<!-- may-import')
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, folder = '', targets = '']) => [
    folder,
    targets === 'nothing' ? [] : targets.split(', '),
  ])
  expect(Object.fromEntries(rows.slice(0, Object.keys(MAY_IMPORT).length))).toEqual(MAY_IMPORT)
})

test('tells nothing of plans and machines', () => {
  const hits = DOCS.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(TODO|FIXME|TBD|coming soon|\/tmp\/|\/work\/|issue #?\d+)/gi)].map(
      ([hit]) => `${path}: ${hit}`,
    ),
  )
  expect(hits).toEqual([])
})

function textOf(path: string): string {
  return DOCS.find((doc) => doc.path === path)?.text ?? ''
}

/** Targets of Markdown links, those in code left out. */
function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? join(ROOT, from) : resolve(ROOT, dirname(from), file)
  if (!existsSync(target)) return false
  return anchor === undefined || headingsOf(readFileSync(target, 'utf8')).includes(anchor)
}

/** Anchors as GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )
}

/** Words in capitals with an underscore, prefixes such as `AGENTOS_` left out. */
function capitalsOf(text: string): string[] {
  const words = [...text.matchAll(/(?<![\w.-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w)/g)].map(([word]) => word)
  return [...new Set(words)]
}

function variablesIn(...files: readonly string[]): readonly string[] {
  return files.flatMap((file) => {
    const source = readFileSync(join(ROOT, 'packages/server/src/models', file), 'utf8')
    return [...source.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, name = '']) => name)
  })
}
