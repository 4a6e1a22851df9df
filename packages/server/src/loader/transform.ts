/**
 * TypeScript and JSX sources of the agents folder, made into JavaScript that Node runs: full syntax (enums, parameter
 * properties, legacy decorators, tsx), types unchecked, with an inline source map.
 * @module
 */
import { type OxcError, type TransformOptions, transformSync } from 'oxc-transform'

const LANGUAGES: Readonly<Record<string, 'ts' | 'tsx' | 'jsx'>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
}

/** A source that does not parse. The message is one sentence; `frame` shows the place. */
export class SourceError extends SyntaxError {
  override readonly name = 'SyntaxError'
  readonly frame: string

  constructor(message: string, frame: string) {
    super(message)
    this.frame = frame
  }
}

/** Whether files with this extension (with its dot) need {@link transformSource}. */
export function isTransformed(extension: string): boolean {
  return Object.hasOwn(LANGUAGES, extension)
}

/**
 * @param url file URL of the source, recorded in its source map
 * @param shownPath path for messages
 * @throws {SourceError} when the source does not parse
 */
export function transformSource(url: URL, shownPath: string, source: string): string {
  const extension = /\.\w+$/.exec(url.pathname)?.[0] ?? ''
  const options: TransformOptions = {
    lang: LANGUAGES[extension] ?? 'ts',
    sourceType: 'module',
    sourcemap: true,
    // Without metadata: it would keep imports of types, which do not exist when the code runs.
    decorator: { legacy: true },
  }
  const { code, map, errors } = transformSync(shownPath, source, options)
  const failure = toSourceError(errors, shownPath)
  if (failure !== undefined) throw failure
  if (map === undefined) return code
  const inline = Buffer.from(JSON.stringify({ ...map, sources: [url.href] })).toString('base64')
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`
}

/** What is wrong with a JavaScript source, when the parser finds something. */
export function diagnoseJavaScript(
  shownPath: string,
  source: string,
  sourceType: 'module' | 'commonjs',
): SourceError | undefined {
  return toSourceError(transformSync(shownPath, source, { lang: 'js', sourceType }).errors, shownPath)
}

function toSourceError(errors: readonly OxcError[], shownPath: string): SourceError | undefined {
  const first = errors.find((error) => error.severity === 'Error') ?? errors[0]
  if (first === undefined) return undefined
  const help = first.helpMessage === null ? '' : ` (${first.helpMessage})`
  // The frame repeats the message in its first lines and then shows the place.
  const frame = (first.codeframe ?? '').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('  x '))
  return new SourceError(`${first.message}${help} in ${shownPath}`, frame.join('\n'))
}
