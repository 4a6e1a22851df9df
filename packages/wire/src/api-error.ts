/**
 * Failed answers of the API, as one error.
 * @module
 */
import { Problem, ValidationProblem, type FieldProblem } from './problem.ts'

/** An answer other than 2xx. `message` is its `detail`. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** Code of docs/reference/errors.md; empty when the answer came from something else than the server. */
  readonly errorId: string
  readonly next: string | undefined
  readonly requestId: string | undefined
  /** The wrong fields of a 422. */
  readonly fields: readonly FieldProblem[]
  /** The parsed answer; undefined when it was no JSON. */
  readonly body: unknown

  constructor(status: number, body: unknown, requestId?: string) {
    const problem = Problem.safeParse(body).data
    const validation = ValidationProblem.safeParse(body).data
    const fields = validation?.detail ?? []
    super(problem?.detail ?? (fields.map(describe).join('; ') || `The server answered ${status}`))
    this.status = status
    this.errorId = problem?.error_id ?? validation?.error_id ?? ''
    this.next = problem?.next
    this.requestId = requestId
    this.fields = fields
    this.body = body
  }
}

function describe({ loc, msg }: FieldProblem): string {
  return `${loc.join('.')}: ${msg}`
}
