/**
 * What one request asks of the fake provider. The script is the model id (`fake:tokens=20,rate=50`), or stands in square
 * brackets in the last user message (`Hello [fake:fail=429,retry=2]`), which wins. Items are separated by commas, values
 * are percent-decoded, an item without a value means 1.
 *
 * Answer:
 *   tokens=N      tokens of the answer, default 20
 *   rate=R        tokens per second, the first at once; 0 (default) sends everything at once, as tool calls always are
 *   text=T        this text instead of N tokens; sent word by word. Of several with `|` between them the n-th text answers
 *                 the n-th request with this script since the last reset, the last one all later ones
 *   echo          answers with the last user message
 *   reasoning=N   reasoning tokens before the answer
 *   huge=BYTES    an answer of that many bytes, in chunks of 16 KiB
 *   usage=none    leaves the token counts out
 *   id=T          no more than a name: what is counted per script is counted apart for scripts that differ in it
 * Tools (asked for by the first call, answered after the tool's result):
 *   tool=NAME     asks for this tool; several names with `+` in one answer
 *   args=JSON     arguments of the call, `$call` in it being the number of the model call; default: an example value for
 *                 each required property of the tool's schema
 *   calls=N       asks N times in a row, one round each, default 1
 * Time, in milliseconds:
 *   first=MS      before the first byte
 *   stall=MS      once, in the middle of the answer
 * Faults:
 *   fail=STATUS   answers with this HTTP status and an error body
 *   retry=V       Retry-After of that answer: seconds, or `date` for the HTTP date two seconds ahead
 *   say=TEXT      ... and this sentence in its body
 *   fault=KIND    garbage (200 with HTML), empty (200 without a frame), cut (connection closed half-way), reset (closed
 *                 before the answer), no-finish (ends cleanly half-way), sse (a frame that is not JSON), chunk-error
 *                 (an error object as a frame), bad-args (tool arguments that are not JSON), unknown-tool, hang (half of
 *                 the answer, then nothing until the client leaves), mute (not even a status until the client leaves)
 *                 For embeddings: nan (a vector of what is no number), fewer (a vector less than texts)
 *   times=N       the fault or status hits only the first N requests with this script since the last reset
 *   at=N          ... only the N-th model call after the last user message
 * Embeddings:
 *   dims=N        length of vectors when the request asks for none, default 256
 *   floats        decimal numbers, whatever the request asks for
 *   most=N        texts of one request; more are refused
 * @module
 */
export type Fault =
  | 'garbage'
  | 'empty'
  | 'cut'
  | 'reset'
  | 'no-finish'
  | 'sse'
  | 'chunk-error'
  | 'bad-args'
  | 'unknown-tool'
  | 'hang'
  | 'mute'
  | 'nan'
  | 'fewer'

export type Script = {
  /** The script as written; counts `times`. */
  readonly source: string
  readonly tokens: number
  readonly rate: number
  /** In the order in which they are used; empty for tokens. */
  readonly texts: readonly string[]
  readonly echo: boolean
  readonly reasoning: number
  readonly huge: number
  readonly usage: boolean
  readonly tools: readonly string[]
  readonly args: string | undefined
  readonly calls: number
  readonly firstMs: number
  readonly stallMs: number
  readonly fail: number
  readonly retry: string | undefined
  readonly say: string | undefined
  readonly fault: Fault | undefined
  readonly times: number
  readonly at: number
  readonly dims: number
  readonly floats: boolean
  readonly most: number
}

const FAULTS: readonly Fault[] = [
  'garbage',
  'empty',
  'cut',
  'reset',
  'no-finish',
  'sse',
  'chunk-error',
  'bad-args',
  'unknown-tool',
  'hang',
  'mute',
  'nan',
  'fewer',
]
const KEYS = new Set(
  'tokens rate text echo reasoning huge usage id tool args calls first stall fail retry say fault times at dims floats most'.split(
    ' ',
  ),
)

/**
 * @param model model id of the request
 * @param user text of the last user message
 * @throws {SyntaxError} naming what the script does not know
 */
export function parseScript(model: string, user: string): Script {
  const inMessage = /\[fake:([^\]]*)\]/.exec(user)?.[1]
  const source = inMessage ?? (model.startsWith('fake:') ? model.slice('fake:'.length) : '')
  const items = new Map<string, string>()
  for (const item of source.split(',')) {
    if (item.trim() === '') continue
    const at = item.indexOf('=')
    const key = (at < 0 ? item : item.slice(0, at)).trim()
    if (!KEYS.has(key))
      throw new SyntaxError(`fake provider: no "${key}" in a script; it knows ${[...KEYS].join(', ')}`)
    items.set(key, at < 0 ? '1' : decodeURIComponent(item.slice(at + 1)))
  }
  return {
    source,
    tokens: count(items, 'tokens', 20),
    rate: count(items, 'rate', 0),
    texts: items.get('text')?.split('|') ?? [],
    echo: items.has('echo'),
    reasoning: count(items, 'reasoning', 0),
    huge: count(items, 'huge', 0),
    usage: items.get('usage') !== 'none',
    tools: items.get('tool')?.split('+') ?? [],
    args: items.get('args'),
    calls: count(items, 'calls', 1),
    firstMs: count(items, 'first', 0),
    stallMs: count(items, 'stall', 0),
    fail: count(items, 'fail', 0),
    retry: items.get('retry'),
    say: items.get('say'),
    fault: faultOf(items.get('fault')),
    times: count(items, 'times', Infinity),
    at: count(items, 'at', 0),
    dims: count(items, 'dims', 256),
    floats: items.has('floats'),
    most: count(items, 'most', Infinity),
  }
}

function count(items: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = items.get(key)
  if (text === undefined) return fallback
  const value = Number(text)
  if (!(value >= 0)) throw new SyntaxError(`fake provider: ${key} must be a number from 0, got "${text}"`)
  return value
}

function faultOf(name: string | undefined): Fault | undefined {
  if (name === undefined) return undefined
  const fault = FAULTS.find((known) => known === name)
  if (fault === undefined) throw new SyntaxError(`fake provider: no fault "${name}"; it knows ${FAULTS.join(', ')}`)
  return fault
}
