/**
 * The one catalogue of failures we choose to report. A code is never renamed and never reused: it is `error_id` on the
 * wire and the anchor of `docs/reference/errors.md`.
 * @module
 */
export const ERRORS = {
  AGENT_NOT_FOUND: { status: 404, next: 'GET /agents lists the agents that this revision serves.' },
  RUN_NOT_FOUND: { status: 404, next: 'GET /agents/{id}/runs?session_id=... lists the runs of a session.' },
  KNOWLEDGE_NOT_FOUND: { status: 404, next: 'GET /config lists the knowledge bases.' },
  KNOWLEDGE_SOURCE_NOT_FOUND: { status: 404, next: 'GET /knowledge/{knowledge_id}/sources lists the sources.' },
  CONTENT_NOT_FOUND: { status: 404, next: 'GET /knowledge/content lists the contents of a base.' },
  CONTENT_NOT_KEPT: { status: 409, next: 'Upload it again; AGENTOS_KNOWLEDGE_KEEP_UPLOADS keeps documents for that.' },
  SESSION_NOT_FOUND: { status: 404, next: 'GET /sessions lists the sessions.' },
  SESSION_EXISTS: { status: 409, next: 'Use PATCH /sessions/{id} to change it.' },
  SESSION_TAKEN: { status: 409, next: 'Start a new session, or send the same user_id and agent as before.' },
  MEMORY_NOT_FOUND: { status: 404, next: 'GET /memories lists the memories.' },
  MEMORY_LIMIT: {
    status: 409,
    next: 'Delete memories, join them with POST /optimize-memories, or raise AGENTOS_MAX_USER_MEMORIES.',
  },
  LEARNING_NOT_FOUND: { status: 404, next: 'GET /learnings lists the learnings.' },
  LEARNING_EXISTS: { status: 409, next: 'Use PATCH /learnings/{learning_id} to change it.' },
  DATABASE_NOT_FOUND: { status: 404, next: 'GET /config names the database.' },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    next: 'Ask for bytes that there are; Content-Range of the answer says how many.',
  },
  MEDIA_NOT_FOUND: { status: 404, next: 'GET /sessions/{id}/runs names what is attached to its messages.' },
  MEDIA_UNSUPPORTED: { status: 400, next: 'docs/how-to/send-files.md lists the types.' },
  USER_BUSY: { status: 409, next: 'Cancel the runs of that user, or ask again once they are over.' },
  ROUTE_NOT_FOUND: { status: 404, next: '/docs lists the routes.' },
  METHOD_NOT_ALLOWED: { status: 405, next: 'The Allow header names the methods of this path.' },
  INVALID_FIELDS: { status: 422, next: 'See /docs for the fields of this route.' },
  INVALID_REQUEST: { status: 400, next: 'See /docs for the fields of this route.' },
  BODY_TOO_LARGE: {
    status: 413,
    next: 'Send less, or raise AGENTOS_BODY_LIMIT_BYTES, AGENTOS_MEDIA_BYTES or AGENTOS_KNOWLEDGE_UPLOAD_BYTES.',
  },
  UNSUPPORTED_MEDIA: { status: 415, next: 'Send a form or JSON.' },
  UNAUTHORIZED: { status: 401, next: 'Send "Authorization: Bearer <key>".' },
  TOO_MANY_RUNS: { status: 429, next: 'Try again after the seconds in Retry-After.' },
  NOT_SUPPORTED: { status: 501, next: 'See docs/reference/agno-differences.md.' },
  QUEUE_FULL: { status: 429, next: 'Try again after the seconds in Retry-After, or raise AGENTOS_MAX_QUEUE_DEPTH.' },
  IDEMPOTENCY_CONFLICT: { status: 409, next: 'Send a new Idempotency-Key with a new request.' },
  RUN_NOT_PAUSED: { status: 409, next: 'GET /agents/{id}/runs/{run_id} tells its status; POST .../resume follows it.' },
  RUN_NOT_CONTINUABLE: { status: 409, next: 'Start a new run in the session.' },
  APPROVAL_PENDING: { status: 403, next: 'Resolve the approval first: POST /approvals/{id}/resolve.' },
  APPROVAL_NOT_FOUND: { status: 404, next: 'GET /approvals lists the approvals.' },
  APPROVAL_RESOLVED: { status: 409, next: 'GET /approvals/{id} tells how it was resolved.' },
  TRACE_NOT_FOUND: { status: 404, next: 'GET /traces lists the traces that are still kept.' },
  JOB_NOT_FOUND: { status: 404, next: 'GET /queue/jobs lists the background runs.' },
  JOB_NOT_REQUEUEABLE: { status: 409, next: 'Only failed and cancelled jobs can be requeued.' },
  SCHEDULE_NOT_FOUND: { status: 404, next: 'GET /schedules lists the schedules.' },
  SCHEDULE_RUN_NOT_FOUND: { status: 404, next: 'GET /schedules/{id}/runs lists what became of a schedule.' },
  SCHEDULE_EXISTS: { status: 409, next: 'Use another name, or PATCH /schedules/{id} to change the one that has it.' },
  SCHEDULE_DISABLED: { status: 409, next: 'POST /schedules/{id}/enable enables it.' },
  SCHEDULES_FULL: { status: 409, next: 'Delete some, or raise AGENTOS_MAX_SCHEDULES.' },
  RUN_HANDED_OVER: {
    status: 503,
    next: 'The run goes on; GET /agents/{id}/runs/{run_id} reads it, POST .../resume follows it.',
  },
  DOCUMENT_EMPTY: {
    status: 422,
    next: 'Send a document with text in it; a scanned one needs its text recognised first.',
  },
  DOCUMENT_ENCRYPTED: { status: 422, next: 'Save it without the password and send it again.' },
  DOCUMENT_CORRUPT: { status: 422, next: 'Open it with the program it was made with, save it, and send it again.' },
  DOCUMENT_TYPE_MISMATCH: { status: 422, next: 'Send it with the name, type and reader that fit what is in it.' },
  DOCUMENT_UNSUPPORTED: { status: 422, next: 'GET /knowledge/config lists the readers and what each can read.' },
  DOCUMENT_TOO_LARGE: { status: 422, next: 'Split it, or raise the limit that the message names.' },
  DOCUMENT_TIMEOUT: { status: 422, next: 'Split it, or raise AGENTOS_DOCUMENT_TIMEOUT_MS.' },
  DOCUMENT_OPTIONS: { status: 422, next: 'GET /knowledge/config lists the chunkers and their settings.' },
  DOCUMENT_READER_STOPPED: { status: 503, next: 'Nothing is wrong with the document: it is read again.' },
  URL_NOT_ALLOWED: {
    status: 422,
    next: 'Give a public http or https address; AGENTOS_KNOWLEDGE_PRIVATE_URLS=true allows those of the cluster.',
  },
  URL_NOT_FOUND: { status: 422, next: 'Open the address in a browser; what needs a login cannot be read.' },
  URL_UNAVAILABLE: { status: 502, next: 'Try again when the website answers.' },
  DRAINING: { status: 503, next: 'This replica is stopping; try again, another one answers.' },
  NO_REVISION: { status: 503, next: 'No revision of the agents folder has loaded; GET /health/ready names the file.' },
  DATABASE_UNAVAILABLE: { status: 503, next: 'Try again; GET /health/ready tells when the database is back.' },
  CONFIG_INVALID: { status: 500, next: 'docs/reference/configuration.md lists every setting.' },
  DATABASE_UNREACHABLE: { status: 500, next: 'Check POSTGRES_URL and that the database accepts connections.' },
  DATABASE_AUTH: { status: 500, next: 'Check the user and the password of POSTGRES_URL.' },
  DATABASE_SETUP_UNREACHABLE: {
    status: 500,
    next: 'Check PGHOST, PGPORT, PGSSLMODE and PGDATABASE, or INITDB_ADMIN_URL: the address must be that of PostgreSQL itself.',
  },
  DATABASE_SETUP_AUTH: { status: 500, next: 'Check PGUSER and PGPASSWORD, or INITDB_ADMIN_URL.' },
  DATABASE_SETUP_DENIED: {
    status: 500,
    next: 'Give the admin that right, or do it once by hand: docs/how-to/prepare-a-database.md has the statements.',
  },
  DATABASE_SETUP_EXTENSION: {
    status: 500,
    next: 'Install it on the server, allow it, or make it once as its superuser; docs/how-to/prepare-a-database.md tells how. An INITDB_EXTENSIONS of "none" leaves it out.',
  },
  DATABASE_SETUP_BUSY: { status: 500, next: 'Try again, or raise INITDB_WAIT_SECONDS.' },
  DATABASE_SETUP_FAILED: { status: 500, next: 'See docs/how-to/prepare-a-database.md for what a set-up does.' },
  SCHEMA_NEWER: { status: 500, next: 'Start a release of the server that knows this schema.' },
  SCHEMA_OLDER: { status: 503, next: 'Run `agentos migrate`; the server then starts by itself.' },
  SCHEMA_CHANGED: { status: 500, next: 'Start the release that made this schema; released migrations never change.' },
  DATA_DIR_LOCKED: { status: 500, next: 'Stop the other server, or set AGENTOS_DATA_DIR or POSTGRES_URL.' },
  AGENTS_LOAD_FAILED: { status: 500, next: 'Run `agentos check DIR` to see every file.' },
  MODEL_UNKNOWN: { status: 500, next: 'Write the model as provider:id, for example openai:gpt-5-mini.' },
  MODEL_KEY_MISSING: { status: 500, next: "Set the provider's key in the environment, or use model demo:assistant." },
  MODEL_AUTH: { status: 502, next: "Check the provider's key." },
  MODEL_RATE_LIMITED: { status: 502, next: 'Wait, or raise the limit at the provider.' },
  MODEL_REJECTED: { status: 502, next: 'The provider refused the request; its message says why.' },
  MODEL_UNAVAILABLE: { status: 502, next: 'Try again; the provider did not answer properly.' },
  MODEL_BAD_ANSWER: { status: 502, next: 'Try again, or use another model.' },
  STEP_LIMIT: { status: 500, next: 'Raise maxSteps of the agent, or give the model a clearer stop.' },
  OUTPUT_INVALID: { status: 502, next: 'Loosen outputSchema, or use a model with structured output.' },
  AGENT_FAILED: { status: 500, next: "The agent's own code threw; the server log has its stack." },
  PROFILE_RUNNING: { status: 409, next: 'One profile at a time of each thread: try again when it is over.' },
  PROFILE_TOO_LARGE: { status: 500, next: 'Ask for fewer seconds.' },
  WORKER_LOST: { status: 500, next: "The agent's worker ended; GET /health/ready and the log say why." },
  ATTEMPTS_EXHAUSTED: {
    status: 500,
    next: 'The logs of the replicas that were lost say why; POST /queue/jobs/{id}/requeue tries again.',
  },
  QUEUE_TIMEOUT: { status: 500, next: 'Add replicas, or raise AGENTOS_QUEUE_TIMEOUT_MS.' },
  EVENTS_TOO_LARGE: { status: 500, next: 'Raise AGENTOS_RUN_EVENT_BYTES, or let the agent say less.' },
  RUN_TIMEOUT: { status: 500, next: 'Raise AGENTOS_RUN_TIMEOUT_MS.' },
  INTERNAL: { status: 500, next: 'Report it with the x-request-id of the answer.' },
} as const satisfies Record<string, { readonly status: number; readonly next: string }>

export type ErrorCode = keyof typeof ERRORS

/** A failure we chose to report. `message` and the catalogue's `next` reach the caller; secrets and stacks belong in `cause`. */
export class AgentOSError extends Error {
  override readonly name = 'AgentOSError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get next(): string {
    return ERRORS[this.code].next
  }
}

/** Whether `value` is an error of the catalogue, also one whose prototype was lost on its way between threads. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}
