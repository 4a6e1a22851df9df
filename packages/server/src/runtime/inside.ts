/**
 * What the server's own tools may use of a run that an author's tools may not.
 * @module
 */
import type { Logger } from '@agentos/sdk'
import type { Ask } from '../base/ask.ts'
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import type { RunOptions, SideUsage } from '../base/run.ts'
import type { ToolLimits } from './tool-limits.ts'

export type Inside = {
  /** Asks for what lies in the database. */
  readonly ask: Ask
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
  /** What the caller of the run asked for. */
  readonly request: RunOptions
  readonly limits: ToolLimits
  /** Hears of what model calls of the tool took. */
  readonly spend: (usage: SideUsage) => void
}
