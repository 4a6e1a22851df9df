/**
 * The remote sources that an operator configures, as JSON.
 * @module
 */
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'

const Common = {
  /** In addresses and requests. */
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be letters, digits, "_", "." and "-"'),
  name: z.string().min(1).max(255).optional(),
  prefix: z.string().max(1000).optional(),
  metadata: z.record(z.string(), z.json()).optional(),
}

const S3 = z.strictObject({
  type: z.literal('s3'),
  ...Common,
  bucket: z.string().min(1).max(255),
  region: z.string().min(1).default('us-east-1'),
  /** Of a storage that speaks S3; unset: that of Amazon. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** Both or none; none reads what is public. */
  accessKeyId: z.string().min(1).optional(),
  secretAccessKey: z.string().min(1).optional(),
  sessionToken: z.string().min(1).optional(),
})

const GitHub = z.strictObject({
  type: z.literal('github'),
  ...Common,
  repo: z.string().regex(/^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/, 'must be owner/name'),
  /** Branch, tag or commit; unset: the default branch. */
  branch: z.string().min(1).max(255).optional(),
  token: z.string().min(1).optional(),
  /** Of GitHub Enterprise. */
  apiUrl: z.url({ protocol: /^https?$/ }).optional(),
})

const Source = z
  .discriminatedUnion('type', [S3, GitHub])
  .refine(
    (source) => source.type !== 's3' || (source.accessKeyId === undefined) === (source.secretAccessKey === undefined),
    'accessKeyId and secretAccessKey belong together',
  )
const Sources = z
  .array(Source)
  .max(100)
  .refine((sources) => new Set(sources.map(({ id }) => id)).size === sources.length, 'two sources have the same id')

export type S3Config = z.output<typeof S3>
export type GitHubConfig = z.output<typeof GitHub>

/** @throws {AgentOSError} CONFIG_INVALID, which says what is wrong and repeats no value: there are secrets among them */
export function parseSources(text: string, setting: string): readonly (S3Config | GitHubConfig)[] {
  const parsed = Sources.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.slice(0, 5).map(({ path, message }) => {
    const place = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
    return `${place === '' ? 'the list' : place.replace(/^\./, '')}: ${message}`
  })
  throw new AgentOSError('CONFIG_INVALID', `${setting}: ${problems.join('; ')}`)
}
