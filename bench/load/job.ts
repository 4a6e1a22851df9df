/**
 * What the load generator is asked for and what it answers. Times are milliseconds.
 * @module
 */
export type RunsJob = {
  readonly kind: 'runs'
  /** The run route, `http://127.0.0.1:1234/agents/x/runs`. */
  readonly url: string
  readonly message: string
  /** Clients, each with one run at a time on one connection. */
  readonly concurrency: number
  readonly runs: number
  /** Sent beside the message. */
  readonly fields?: Readonly<Record<string, string>>
  /** What the answer to a run that went well contains; RunCompleted of a stream unless told. */
  readonly mark?: string
}

export type RunsResult = {
  /** Of each run, from the request to the end of its answer. */
  readonly latencies: readonly number[]
  readonly wallMs: number
  /** Runs whose answer lacked the mark. */
  readonly failed: number
}

export type StreamsJob = {
  readonly kind: 'streams'
  readonly url: string
  readonly message: string
  readonly streams: number
  /** Between two starts. */
  readonly rampMs: number
  /** Tokens that each stream has to bring. */
  readonly tokens: number
  /** After its first token each client reads nothing for so long. */
  readonly stallMs: number
}

export type StreamsResult = {
  readonly firstTokens: readonly number[]
  /** Between two arrivals of content on a stream, after its first. */
  readonly gapP50: number
  readonly gapP99: number
  readonly wallMs: number
  /** Streams that did not end in RunCompleted. */
  readonly failed: number
  /** Frames with content, all streams together. */
  readonly contents: number
}

export type RequestsJob = {
  readonly kind: 'requests'
  /** Asked in turn. */
  readonly urls: readonly string[]
  /** JSON that is posted; without it they are read. */
  readonly body?: string
  /** Clients, each with one request at a time on one connection. */
  readonly concurrency: number
  readonly requests: number
}

export type RequestsResult = {
  /** Of each request, from its beginning to the end of its answer. */
  readonly latencies: readonly number[]
  readonly wallMs: number
  /** Requests whose answer was not a 200. */
  readonly failed: number
  /** Of all answers, without headers. */
  readonly bytes: number
}

export type Job = RunsJob | StreamsJob | RequestsJob
export type Result<J extends Job> = { runs: RunsResult; streams: StreamsResult; requests: RequestsResult }[J['kind']]
