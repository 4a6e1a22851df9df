/**
 * How agent code finds and loads its modules: TypeScript through the transform, extensions as TypeScript authors write
 * them, the host's copies of the packages that must exist once, everything else from the packages of the folder.
 *
 * Agent code runs from a snapshot, which holds sources only. Its packages are looked up as if it still stood where it
 * was copied from, so the folder's own `node_modules` and those of the directories above it are found.
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { createRequire, isBuiltin, type LoadHookSync, registerHooks, type ResolveHookSync } from 'node:module'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { decoratorHelper } from './decorator-helpers.ts'
import { diagnoseJavaScript, isTransformed, transformSource } from './transform.ts'

/** Packages that agent code shares with the server, with their subpaths. */
const HOST_PACKAGES: ReadonlySet<string> = new Set(['@agentos/sdk', 'ai', 'zod', '@opentelemetry/api'])
const TESTING = '@agentos/sdk/testing'
const HELPER_SCHEME = 'agentos-helper:'

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cts', '.cjs', '.jsx', '.json'] as const
/** What an import of a compiled name means when only its source is there. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
  '.jsx': ['.tsx'],
}

export type HookOptions = {
  /** Agents folder within `root`; messages give paths relative to it. */
  readonly directory: string
  /** Resolved root of the sources. */
  readonly root: string
  /** What `root` is a copy of; the same directory when it is no copy. */
  readonly origin: string
  /** Whether relative imports may leave `root`: for a folder within a project, not for a revision of a repository. */
  readonly mayLeave: boolean
  /** Module that takes the place of `@agentos/sdk/testing`, under `agentos test`. */
  readonly testing?: URL
}

export type Hooks = {
  /** Absolute paths of the sources outside `root` that were imported. */
  readonly outside: () => readonly string[]
  readonly uninstall: () => void
}

/** Installs the hooks for this thread. */
export function installHooks(options: HookOptions): Hooks {
  const outside = new Set<string>()
  const territory = createTerritory(options, outside)
  const hooks = registerHooks({ resolve: createResolve(options, territory), load: createLoad(options, territory) })
  return { outside: () => [...outside].map((url) => fileURLToPath(url)), uninstall: () => hooks.deregister() }
}

type Territory = ReturnType<typeof createTerritory>

/** Which URLs are agent code, and where they were copied from. */
function createTerritory({ root, origin }: HookOptions, outside: Set<string>) {
  const rootUrl = pathToFileURL(root + sep).href
  const originUrl = pathToFileURL(origin + sep).href
  const isPackage = (url: string) => /(^|\/)node_modules\//.test(url)
  return {
    isAgentCode: (url: string) =>
      (url.startsWith(rootUrl) && !isPackage(url.slice(rootUrl.length))) || outside.has(url),
    /** Whether `url` is a package found from the folder. */
    isPackage: (url: string) => isPackage(url),
    toOrigin: (url: string) => (url.startsWith(rootUrl) ? originUrl + url.slice(rootUrl.length) : url),
    isInRoot: (url: string) => url.startsWith(rootUrl),
    /** A source that was found from the origin: its copy where there is one, else itself as a source outside. */
    claim: (url: string) => {
      if (url.startsWith(originUrl) && !isPackage(url.slice(originUrl.length)))
        return rootUrl + url.slice(originUrl.length)
      if (url.startsWith('file:') && !isPackage(url)) outside.add(url)
      return url
    },
  }
}

function createResolve(options: HookOptions, territory: Territory): ResolveHookSync {
  const hosted = new Map<string, string>()
  return (specifier, context, next) => {
    const { parentURL } = context
    if (decoratorHelper(specifier) !== undefined) {
      return { url: HELPER_SCHEME + specifier, format: 'module', shortCircuit: true }
    }
    if (parentURL === undefined || !territory.isAgentCode(parentURL)) {
      return parentURL !== undefined && territory.isPackage(parentURL)
        ? resolveForPackage(specifier, context, next, hosted)
        : next(specifier, context)
    }
    if (isBuiltin(specifier) || specifier.startsWith('data:')) return next(specifier, context)
    if (isPath(specifier)) return resolvePath(options, territory, specifier, parentURL, context, next)
    if (specifier === TESTING && options.testing !== undefined) {
      return { url: options.testing.href, format: 'module-typescript', shortCircuit: true }
    }
    if (HOST_PACKAGES.has(packageOf(specifier))) return resolveFromHost(specifier, hosted)
    try {
      const from = territory.toOrigin(parentURL)
      const found = from === parentURL ? next(specifier, context) : resolveFrom(from, specifier, context, next)
      const url = territory.claim(found.url)
      return url === found.url ? found : resolveFile(url, context, next)
    } catch (error) {
      throw explainMissing(error, specifier, showPath(fileURLToPath(parentURL), options), options)
    }
  }
}

type Next = Parameters<ResolveHookSync>[2]
type Context = Parameters<ResolveHookSync>[1]

/** `require` looks from the module that calls it, whatever the context says. */
function resolveFrom(parentURL: string, specifier: string, context: Context, next: Next): ReturnType<ResolveHookSync> {
  if (!isRequire(context)) return next(specifier, { ...context, parentURL })
  return next(createRequire(parentURL).resolve(specifier), context)
}

/** Also a `require` gets the module that an `import` gets, so that there is one copy. */
function resolveFromHost(specifier: string, hosted: Map<string, string>): ReturnType<ResolveHookSync> {
  let url = hosted.get(specifier)
  if (url === undefined) {
    url = import.meta.resolve(specifier)
    hosted.set(specifier, url)
  }
  return { url, shortCircuit: true }
}

/** Of a source the format is known; else Node decides. `require` takes a path where `import` takes a URL. */
function resolveFile(url: string, context: Context, next: Next): ReturnType<ResolveHookSync> {
  const path = pathOf(url)
  if (isTransformed(extname(path))) return { url, format: formatOf(path), shortCircuit: true }
  return next(isRequire(context) ? fileURLToPath(url) : url, context)
}

function isRequire({ conditions }: Context): boolean {
  return [...conditions].includes('require')
}

/** A package keeps its own dependencies; a peer that the folder left to the host is the host's. */
function resolveForPackage(
  specifier: string,
  context: Context,
  next: Next,
  hosted: Map<string, string>,
): ReturnType<ResolveHookSync> {
  const name = packageOf(specifier)
  if (!HOST_PACKAGES.has(name)) return next(specifier, context)
  if (name === '@agentos/sdk' || name === '@opentelemetry/api') return resolveFromHost(specifier, hosted)
  try {
    return next(specifier, context)
  } catch (error) {
    if (isNotFound(error)) return resolveFromHost(specifier, hosted)
    throw error
  }
}

function resolvePath(
  options: HookOptions,
  territory: Territory,
  specifier: string,
  parentURL: string,
  context: Context,
  next: Next,
): ReturnType<ResolveHookSync> {
  const wanted = new URL(specifier, parentURL)
  const shownParent = () => showPath(fileURLToPath(parentURL), options)
  let base = wanted
  // A parent outside the snapshot imports its neighbours where they are.
  if (!territory.isInRoot(wanted.href) && territory.isInRoot(parentURL)) {
    base = new URL(specifier, territory.toOrigin(parentURL))
    if (!options.mayLeave) {
      throw notFound(
        `"${specifier}" leaves the revision; it is imported by ${shownParent()}. Move it into the repository.`,
      )
    }
  }
  const file = findSource(base)
  if (file === undefined) {
    throw notFound(
      `"${specifier}" does not exist; it is imported by ${shownParent()}. Check the path and its spelling.`,
    )
  }
  const url = territory.isInRoot(file.href) ? file.href : territory.claim(file.href)
  return resolveFile(url, context, next)
}

/** The file that an import means: itself, its TypeScript source, with an extension, or the index of a directory. */
function findSource(wanted: URL): URL | undefined {
  const path = fileURLToPath(wanted)
  const extension = extname(path)
  const stem = path.slice(0, path.length - extension.length)
  const candidates = [
    path,
    ...(SOURCES[extension] ?? []).map((source) => stem + source),
    ...EXTENSIONS.map((added) => path + added),
    ...EXTENSIONS.map((added) => `${path.replace(/[\\/]$/, '')}${sep}index${added}`),
  ]
  const found = candidates.find((candidate) => isFile(candidate))
  if (found === undefined) return undefined
  const url = pathToFileURL(found)
  url.search = wanted.search
  url.hash = wanted.hash
  return url
}

function createLoad(options: HookOptions, territory: Territory): LoadHookSync {
  return (url, context, next) => {
    if (url.startsWith(HELPER_SCHEME)) {
      const source = decoratorHelper(url.slice(HELPER_SCHEME.length)) ?? ''
      return { format: 'module', source, shortCircuit: true }
    }
    if (!territory.isAgentCode(url)) return next(url, context)
    const path = fileURLToPath(url)
    const shownPath = showPath(path, options)
    if (isTransformed(extname(path))) {
      const source = transformSource(new URL(url), shownPath, readFileSync(path, 'utf8'))
      return { format: formatOf(path), source, shortCircuit: true }
    }
    const loaded = next(url, context)
    if (loaded.format !== 'module' || !loaded.source) return loaded
    // Of a module that does not parse, Node's error does not name the place.
    const failure = diagnoseJavaScript(shownPath, readFileSync(path, 'utf8'), 'module')
    if (failure !== undefined) throw failure
    return loaded
  }
}

function isPath(specifier: string): boolean {
  return /^(\.{1,2}(\/|$)|\/|file:)/.test(specifier)
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** Path of a file URL, undecoded, without query and hash; enough to tell an extension. */
function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? url
}

function formatOf(path: string): 'module' | 'commonjs' {
  return path.endsWith('.cts') ? 'commonjs' : 'module'
}

function showPath(path: string, { directory }: HookOptions): string {
  return path.startsWith(directory + sep) ? path.slice(directory.length + 1) : relative(directory, path)
}

function isNotFound(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND')
  )
}

/** The code stays Node's, so that authors can probe for optional modules as usual. */
function notFound(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' })
}

function explainMissing(
  error: unknown,
  specifier: string,
  shownParent: string,
  { origin, directory, root }: HookOptions,
): unknown {
  if (!isNotFound(error)) return error
  const name = packageOf(specifier)
  error.message = specifier.startsWith('#')
    ? `"${specifier}" is not in "imports" of a package.json; it is imported by ${shownParent}.`
    : `Package "${name}" is not installed; it is imported by ${shownParent}. ` +
      `Run \`npm install ${name}\` in ${join(origin, relative(root, directory))}.`
  return error
}
