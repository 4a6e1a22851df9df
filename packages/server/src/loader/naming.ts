/**
 * Which file an exported agent belongs to, and its id. Pure.
 * @module
 */
import type { Agent } from '@agentos/sdk'

/** One export of one module that is an agent. */
export type Exported = {
  readonly agent: Agent
  /** Name of the export; `default` for the default export. */
  readonly name: string
  readonly file: string
  /** Id for the file's agent when it names none. */
  readonly defaultId: string
}

export type Named = { readonly agent: Agent; readonly id: string; readonly file: string }

export type Naming = {
  /** Every agent once, under its id. */
  readonly named: readonly Named[]
  /** Files whose agents all belong to other files. */
  readonly reexporting: readonly string[]
  readonly problems: readonly { readonly path: string; readonly detail: string }[]
}

const ID = /^[A-Za-z0-9._-]{1,128}$/

/**
 * An agent that several modules export belongs to the one that exports the fewest agents, `index` modules last; so a
 * module that collects agents does not own them.
 */
export function nameAgents(exported: readonly Exported[]): Naming {
  const byFile = Map.groupBy(exported, ({ file }) => file)
  const breadth = (file: string) => new Set(byFile.get(file)?.map(({ agent }) => agent)).size
  const owners = [...Map.groupBy(exported, ({ agent }) => agent).values()].map((exports) =>
    exports.reduce((best, next) => (rank(next, breadth) < rank(best, breadth) ? next : best)),
  )
  const owned = Map.groupBy(owners, ({ file }) => file)
  const named = owners.map((owner) => ({
    agent: owner.agent,
    id: idOf(owner, owned.get(owner.file)?.length ?? 1),
    file: owner.file,
  }))
  const bad = named.filter(({ id }) => !ID.test(id))
  const problems = [...bad.map(explainBadId), ...findDuplicates(named)]
  const refused = new Set(problems.map(({ id }) => id))
  return {
    named: named.filter(({ id }) => !refused.has(id)),
    reexporting: [...byFile.keys()].filter((file) => !owned.has(file)),
    problems,
  }
}

/** Lower wins; the default export of a file wins over its other names. */
function rank({ file, name }: Exported, breadth: (file: string) => number): number {
  const isIndex = /(^|\/)index\.\w+$/.test(file)
  return (isIndex ? 1_000_000 : 0) + breadth(file) * 2 + (name === 'default' ? 0 : 1)
}

function idOf({ agent, name, defaultId }: Exported, agentsOfFile: number): string {
  if (agent.options.id !== undefined) return agent.options.id
  return name === 'default' || agentsOfFile === 1 ? defaultId : toKebabCase(name)
}

/** `refundDesk` and `RefundDesk` become `refund-desk`, `HTTPClient` becomes `http-client`. */
function toKebabCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

function explainBadId({ id, file }: Named) {
  const detail = `"${id}" cannot be an agent's id (1 to 128 letters, digits, ".", "_" or "-"): give the agent an id`
  return { id, path: file, detail }
}

function findDuplicates(named: readonly Named[]) {
  return [...Map.groupBy(named, ({ id }) => id)].flatMap(([id, agents]) => {
    if (agents.length === 1) return []
    const files = [...new Set(agents.map(({ file }) => file))]
    const where = files.length === 1 ? `${agents.length} agents of ${files[0]}` : files.join(' and ')
    return files.map((path) => ({ id, path, detail: `id "${id}" is used by ${where}; ids are unique in the folder` }))
  })
}
