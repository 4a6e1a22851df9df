/**
 * What a scenario is given and gives.
 * @module
 */
import type { Size } from './options.ts'
import type { Figure } from './report.ts'

export type Scenario = (surroundings: Surroundings) => Promise<readonly Figure[]>

export type Surroundings = {
  /** URL of a fresh database on every call. */
  readonly database: () => Promise<string>
  readonly size: Size
  readonly say: (text: string) => void
}
