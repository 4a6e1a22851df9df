/**
 * The messages between the main thread and the thread that runs PGlite. Values cross as text: the main thread turns them
 * into what `pg` would have made of them.
 * @module
 */
export type WorkerInit = { readonly directory: string }

export type ToPglite =
  | {
      readonly type: 'query'
      readonly id: number
      readonly sql: string
      readonly parameters: readonly (string | null)[]
    }
  | { readonly type: 'close' }

export type FromPglite =
  | { readonly type: 'ready' }
  /** The thread ends after it; no later query can succeed. */
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'rows'; readonly id: number; readonly result: TextRows }
  | { readonly type: 'error'; readonly id: number; readonly error: TextError }

export type TextRows = {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly affectedRows: number | undefined
  /** What was done, for example `COMMIT`, or `ROLLBACK` where a commit came too late. */
  readonly command: string | undefined
}

/** A database error: its message, and the fields that pg's DatabaseError has. */
export type TextError = { readonly message: string; readonly fields: Readonly<Record<string, string>> }
