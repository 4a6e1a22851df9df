/**
 * The flags of git-sync that its stand-in knows. As with git-sync itself, one that is not known is fatal.
 * @module
 */
import { parseArgs } from 'node:util'

export type Flags = {
  readonly repo: string
  readonly ref: string
  readonly root: string
  /** Of the link, within the root. */
  readonly link: string
  readonly depth: number
  readonly periodMs: number
  readonly initPeriodMs: number
  readonly syncTimeoutMs: number
  /** Failures in a row after which it ends; negative: never. */
  readonly maxFailures: number
  readonly initMaxFailures: number
  /** How long a worktree that nothing points to is kept. */
  readonly staleWorktreeTimeoutMs: number
  readonly webhookUrl: string | undefined
  readonly webhookTimeoutMs: number
  readonly webhookBackoffMs: number
  readonly httpBind: string | undefined
  /** End after the first success. */
  readonly isOneTime: boolean
  /** Patterns of what to check out; everything without it. */
  readonly sparseCheckoutFile: string | undefined
}

const TEXT = { type: 'string' } as const

/** Flags whose defaults are git-sync's own. */
const OPTIONS = {
  repo: TEXT,
  ref: { ...TEXT, default: 'HEAD' },
  root: TEXT,
  link: TEXT,
  depth: { ...TEXT, default: '1' },
  submodules: { ...TEXT, default: 'recursive' },
  period: { ...TEXT, default: '10s' },
  'init-period': { ...TEXT, default: '0' },
  'sync-timeout': { ...TEXT, default: '120s' },
  'max-failures': { ...TEXT, default: '0' },
  'init-max-failures': TEXT,
  'stale-worktree-timeout': { ...TEXT, default: '0' },
  'webhook-url': TEXT,
  'webhook-method': { ...TEXT, default: 'POST' },
  'webhook-success-status': { ...TEXT, default: '200' },
  'webhook-timeout': { ...TEXT, default: '1s' },
  'webhook-backoff': { ...TEXT, default: '3s' },
  'http-bind': TEXT,
  'http-metrics': { ...TEXT, default: 'false' },
  'one-time': { ...TEXT, default: 'false' },
  'sparse-checkout-file': TEXT,
  'git-config': TEXT,
  verbose: { ...TEXT, default: '0' },
  // Ways to sign in, which a repository on the local disk does not ask for.
  username: TEXT,
  'password-file': TEXT,
  credential: { ...TEXT, multiple: true },
  'cookie-file': TEXT,
  'ssh-key-file': TEXT,
  'ssh-known-hosts': TEXT,
  'ssh-known-hosts-file': TEXT,
  'github-app-application-id': TEXT,
  'github-app-client-id': TEXT,
  'github-app-installation-id': TEXT,
  'github-app-private-key-file': TEXT,
  'github-base-url': TEXT,
} as const

/** Flags that mean true without a value. */
const SWITCHES = new Set(['--http-metrics', '--one-time', '--cookie-file', '--ssh-known-hosts'])

/** @throws {Error} when a flag is unknown, or a required one is missing */
export function readFlags(args: readonly string[]): Flags {
  const complete = args.map((arg) => (SWITCHES.has(arg) ? `${arg}=true` : arg))
  const { values } = parseArgs({ args: complete, options: OPTIONS })
  if (values.repo === undefined || values.root === undefined) throw new Error('--repo and --root are required')
  const periodMs = duration(values.period)
  return {
    repo: values.repo,
    ref: values.ref,
    root: values.root,
    link: values.link ?? values.repo.replace(/^.*\//, ''),
    depth: Number(values.depth),
    periodMs,
    initPeriodMs: duration(values['init-period']) || periodMs,
    syncTimeoutMs: duration(values['sync-timeout']),
    maxFailures: Number(values['max-failures']),
    initMaxFailures: Number(values['init-max-failures'] ?? values['max-failures']),
    staleWorktreeTimeoutMs: duration(values['stale-worktree-timeout']),
    webhookUrl: values['webhook-url'],
    webhookTimeoutMs: duration(values['webhook-timeout']),
    webhookBackoffMs: duration(values['webhook-backoff']),
    httpBind: values['http-bind'],
    isOneTime: values['one-time'] === 'true',
    sparseCheckoutFile: values['sparse-checkout-file'],
  }
}

/** Go's durations: `1h30m`, `250ms`, `0`. @returns milliseconds */
function duration(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (text !== '0' && parts.map(([part]) => part).join('') !== text) throw new Error(`invalid duration ${text}`)
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (units[unit] ?? 0), 0)
}
