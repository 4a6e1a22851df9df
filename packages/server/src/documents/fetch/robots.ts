/**
 * What a website asks of robots (RFC 9309), and the sitemaps that it names.
 * @module
 */
export type Robots = {
  readonly allows: (url: URL) => boolean
  /** Least time between two requests, in milliseconds; 0 when it asks for none. */
  readonly delayMs: number
  readonly sitemaps: readonly string[]
}

type Rule = { readonly allow: boolean; readonly path: string }
type Group = { readonly agents: string[]; readonly rules: Rule[]; delayMs: number }

/** A longer wait would be longer than anyone waits for a document. */
const MOST_DELAY_MS = 5000
const MOST_LINES = 20_000

export const ALLOW_ALL: Robots = { allows: () => true, delayMs: 0, sitemaps: [] }

/** @param agent name of the robot, in small letters */
export function parseRobots(text: string, agent: string): Robots {
  const groups: Group[] = []
  const sitemaps: string[] = []
  let isNaming = false
  for (const line of text.split(/\r\n?|\n/, MOST_LINES)) {
    const [, key = '', value = ''] = /^\s*([A-Za-z-]+)\s*:\s*([^#]*)/.exec(line) ?? []
    const name = key.toLowerCase()
    const content = value.trim()
    if (name === 'sitemap') sitemaps.push(content)
    if (name === 'user-agent') {
      // Names that follow each other share the rules below them.
      if (!isNaming) groups.push({ agents: [], rules: [], delayMs: 0 })
      groups.at(-1)?.agents.push(content.toLowerCase())
      isNaming = true
    } else if (name !== '' && name !== 'sitemap') {
      isNaming = false
      readRule(groups.at(-1), name, content)
    }
  }
  const named = groups.filter(({ agents }) =>
    agents.some((other) => other !== '' && other !== '*' && agent.startsWith(other)),
  )
  const chosen = named.length > 0 ? named : groups.filter(({ agents }) => agents.includes('*'))
  const rules = chosen.flatMap((group) => group.rules).toSorted((a, b) => rank(b) - rank(a))
  return {
    allows: ({ pathname, search }) => rules.find(({ path }) => matches(path, pathname + search))?.allow ?? true,
    delayMs: Math.min(MOST_DELAY_MS, Math.max(0, ...chosen.map(({ delayMs }) => delayMs))),
    sitemaps,
  }
}

function readRule(group: Group | undefined, name: string, content: string): void {
  if (group === undefined) return
  // An empty Disallow forbids nothing.
  if ((name === 'allow' || name === 'disallow') && content !== '') {
    group.rules.push({ allow: name === 'allow', path: content })
  }
  if (name === 'crawl-delay') group.delayMs = Math.max(0, Number(content) * 1000 || 0)
}

/** The longest path wins, and of two that are equally long the one that allows. */
function rank({ path, allow }: Rule): number {
  return path.length * 2 + (allow ? 1 : 0)
}

/** `*` stands for anything, `$` at the end for the end. Without backtracking: rules come from strangers. */
function matches(pattern: string, path: string): boolean {
  const isWhole = pattern.endsWith('$')
  const [first = '', ...parts] = (isWhole ? pattern.slice(0, -1) : pattern).split('*')
  if (!path.startsWith(first)) return false
  let at = first.length
  const last = isWhole ? parts.pop() : undefined
  for (const part of parts) {
    const found = path.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  if (!isWhole) return true
  return last === undefined ? at === path.length : path.length - last.length >= at && path.endsWith(last)
}
