/**
 * The keys that a values schema knows, and values that break it at each of them.
 * @module
 */

/** A JSON schema of values, as far as this looks into it. */
export type ValuesSchema = {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, ValuesSchema>>
  readonly additionalProperties?: boolean | ValuesSchema
  readonly items?: ValuesSchema
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, ValuesSchema>>
  readonly definitions?: Readonly<Record<string, ValuesSchema>>
}

export type Path = readonly string[]

export type KnownKeys = {
  /** Every key, however deep, that has a name in the schema. */
  readonly keys: readonly Path[]
  /** Objects whose keys have names in the schema. */
  readonly objects: readonly Path[]
  /** Keys that hold no such object. */
  readonly leaves: readonly Path[]
}

/** Lists are not looked into. */
export function findKnownKeys(root: ValuesSchema): KnownKeys {
  const found = { keys: [] as Path[], objects: [] as Path[], leaves: [] as Path[] }
  const visit = (schema: ValuesSchema, path: Path) => {
    const { properties } = resolve(root, schema)
    if (path.length > 0) found.keys.push(path)
    if (properties === undefined) {
      found.leaves.push(path)
      return
    }
    found.objects.push(path)
    for (const [key, value] of Object.entries(properties)) visit(value, [...path, key])
  }
  visit(root, [])
  return found
}

/** @returns the schema at the end of `path` */
export function schemaAt(root: ValuesSchema, path: Path): ValuesSchema {
  return path.reduce<ValuesSchema>((schema, key) => resolve(root, schema).properties?.[key] ?? {}, root)
}

/** @returns what the schema's types do not allow; undefined where it allows everything */
export function wrongValue(root: ValuesSchema, schema: ValuesSchema): unknown {
  const { type } = resolve(root, schema)
  const types = typeof type === 'string' ? [type] : (type ?? [])
  const candidates = [
    ['string', 'wrong'],
    ['array', ['wrong']],
    ['boolean', true],
    ['object', { wrong: 'wrong' }],
  ] as const
  if (types.length === 0) return undefined
  return candidates.find(([name]) => !types.includes(name))?.[1]
}

/** Sets what stands at the end of `path`, making the objects on the way. */
export function setAt(values: Record<string, unknown>, path: Path, value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    values[key] = value
    return
  }
  const inner = (values[key] ??= {}) as Record<string, unknown>
  setAt(inner, rest, value)
}

function resolve(root: ValuesSchema, schema: ValuesSchema): ValuesSchema {
  const [, section, name] = /^#\/(\$defs|definitions)\/(.+)$/.exec(schema.$ref ?? '') ?? []
  if (name === undefined) return schema
  const target = (section === '$defs' ? root.$defs : root.definitions)?.[name]
  if (target === undefined) throw new Error(`The schema has no ${schema.$ref}.`)
  return resolve(root, target)
}
