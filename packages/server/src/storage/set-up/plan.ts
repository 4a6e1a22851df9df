/**
 * What a set-up is told.
 * @module
 */
export type SetUpPlan = {
  /** `postgresql://` URL of the admin and of a database that exists; straight to the server, not to a pooler. */
  readonly adminUrl: string
  readonly database: string
  readonly user: string
  readonly password: string
  /** Made where they are missing, and owned by `user` then. */
  readonly schemas: readonly string[]
  readonly extensions: readonly string[]
  /** Longest wait for the server, and then for another set-up, in milliseconds. */
  readonly waitMs: number
  /** Takes one line about each thing done. */
  readonly report: (line: string) => void
}
