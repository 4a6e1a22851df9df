/**
 * The fake provider's HTTP side: chat completions as frames or as one JSON body, scripted per request (`script.ts`),
 * embeddings, with counters at `GET /stats`, the last requests at `GET /requests` (only with `record`), `POST /reset` and `GET
 * /v1/models`.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { answer, asksForTools, type Answer } from './answer.ts'
import { embeddingsAnswer, readEmbeddings } from './embeddings.ts'
import { DONE, ERROR_FRAME, NOT_JSON, ROLE, endFrames, wireUsage } from './frames.ts'
import { createPacer, type Pacer } from './pacer.ts'
import { readRequest, type ChatRequest } from './request.ts'
import { parseScript, type Fault, type Script } from './script.ts'

export type Stats = {
  requests: number
  /** Answers being sent now. */
  open: number
  completed: number
  /** Answers whose client went away before the end. */
  aborted: number
  /** Connections open now. */
  connections: number
  toolCalls: number
  faults: number
}

type State = {
  readonly stats: Stats
  readonly pacer: Pacer
  readonly faultsByScript: Map<string, number>
  readonly textsByScript: Map<string, number>
  readonly recorded: object[]
  readonly record: number
}

const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
/** Milliseconds between the last frame of a cut answer and the end of its connection. */
const CUT_AFTER_MS = 20
const JSON_TYPE = { 'content-type': 'application/json' }

/** @param record how many of the last requests `GET /requests` shows; 0 keeps none */
export function createProvider({ record }: { readonly record: number }): Server {
  const state: State = {
    stats: { requests: 0, open: 0, completed: 0, aborted: 0, connections: 0, toolCalls: 0, faults: 0 },
    pacer: createPacer(() => performance.now()),
    faultsByScript: new Map(),
    textsByScript: new Map(),
    recorded: [],
    record,
  }
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => serve(state, request, response))
  server.on('connection', (socket) => {
    state.stats.connections++
    socket.once('close', () => state.stats.connections--)
  })
  server.on('close', () => state.pacer.close())
  return server
}

function serve(state: State, request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://fake')
  if (request.method === 'POST' && pathname.endsWith('/chat/completions')) {
    return readBody(state, request, response, (body) => serveChat(state, body, response))
  }
  if (request.method === 'POST' && pathname.endsWith('/embeddings')) {
    return readBody(state, request, response, (body) => serveEmbeddings(state, body, response))
  }
  request.resume()
  if (pathname === '/stats') return sendJson(response, 200, state.stats)
  if (pathname === '/requests') return sendJson(response, 200, state.recorded)
  if (pathname === '/reset' && request.method === 'POST') {
    Object.assign(state.stats, { requests: 0, completed: 0, aborted: 0, toolCalls: 0, faults: 0 })
    state.faultsByScript.clear()
    state.textsByScript.clear()
    state.recorded.length = 0
    return sendJson(response, 200, state.stats)
  }
  if (pathname.endsWith('/models'))
    return sendJson(response, 200, {
      object: 'list',
      data: [
        { id: 'fake-embedding', object: 'model' },
        { id: 'fake', object: 'model' },
      ],
    })
  return sendError(response, 404, `no route ${request.method} ${pathname}`)
}

function readBody(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  answerBody: (body: string) => void,
): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    state.stats.requests++
    const body = (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)).toString()
    if (state.record > 0) remember(state, request, body)
    try {
      answerBody(body)
    } catch (error) {
      sendError(response, 400, error instanceof Error ? error.message : String(error))
    }
  })
}

function serveChat(state: State, body: string, response: ServerResponse): void {
  const chat = readRequest(body)
  const script = parseScript(chat.model, chat.user)
  watch(state.stats, response)
  afterFirst(script, response, () => respond(state, chat, script, response))
}

function serveEmbeddings(state: State, body: string, response: ServerResponse): void {
  const request = readEmbeddings(body)
  const script = parseScript(request.model, '')
  watch(state.stats, response)
  afterFirst(script, response, () => {
    const faulty = (script.fail > 0 || script.fault !== undefined) && hitsFault(state, 1, script)
    if (faulty && breaksEarly(state, script, response)) return undefined
    if (request.input.length > script.most) {
      return sendError(response, 400, `Too many inputs: ${request.input.length}, the maximum is ${script.most}.`)
    }
    return sendJson(response, 200, embeddingsAnswer(request, script, faulty))
  })
}

function afterFirst({ firstMs }: Script, response: ServerResponse, respond: () => void): void {
  if (firstMs === 0) return respond()
  const timer = setTimeout(respond, firstMs)
  response.once('close', () => clearTimeout(timer))
}

function remember(state: State, request: IncomingMessage, body: string): void {
  state.recorded.push({ path: request.url, headers: request.headers, body })
  if (state.recorded.length > state.record) state.recorded.shift()
}

function watch(stats: Stats, response: ServerResponse): void {
  stats.open++
  response.once('close', () => {
    stats.open--
    if (response.writableFinished) stats.completed++
    else stats.aborted++
  })
}

function respond(state: State, chat: ChatRequest, script: Script, response: ServerResponse): void {
  const faulty = (script.fail > 0 || script.fault !== undefined) && hitsFault(state, chat.call, script)
  if (faulty && breaksEarly(state, script, response)) return undefined
  const fault = faulty ? script.fault : undefined
  const text = asksForTools(chat, script, fault) ? undefined : nextText(state, script)
  const reply = answer(chat, script, fault, text)
  state.stats.toolCalls += reply.toolCalls.length
  if (chat.stream) return stream(state, script, reply, fault, response)
  return sendJson(response, 200, completion(reply))
}

/** @returns whether the fault was the whole answer, or that there is none */
function breaksEarly({ stats }: State, script: Script, response: ServerResponse): boolean {
  stats.faults++
  if (script.fail > 0) sendFailure(response, script)
  else if (script.fault === 'reset') response.destroy()
  else if (script.fault === 'empty') response.writeHead(200, EVENT_STREAM).end()
  else if (script.fault === 'garbage') {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<html><body><h1>It works!</h1></body></html>')
  } else return script.fault === 'mute'
  return true
}

function hitsFault(state: State, call: number, script: Script): boolean {
  if (script.at > 0 && script.at !== call) return false
  const hits = state.faultsByScript.get(script.source) ?? 0
  if (hits >= script.times) return false
  state.faultsByScript.set(script.source, hits + 1)
  return true
}

function nextText(state: State, script: Script): string | undefined {
  const before = state.textsByScript.get(script.source) ?? 0
  state.textsByScript.set(script.source, before + 1)
  return script.texts[Math.min(before, script.texts.length - 1)]
}

function stream(state: State, script: Script, reply: Answer, fault: Fault | undefined, response: ServerResponse): void {
  const paced = paceable(reply, fault)
  const half = Math.ceil(reply.frames.length / 2)
  const cut = fault === 'cut'
  const hangs = fault === 'hang'
  // A tool call arrives at once: the rate is that of the answer.
  const rate = reply.toolCalls.length > 0 ? 0 : script.rate
  if (rate === 0 && script.stallMs === 0 && !cut && !hangs) {
    const all = Buffer.concat(paced)
    response.writeHead(200, { ...EVENT_STREAM, 'content-length': all.length })
    return void response.end(all)
  }
  response.writeHead(200, EVENT_STREAM)
  // The half of a cut answer has to leave the socket before the socket closes.
  const done = () => {
    if (cut) setTimeout(() => response.destroy(), CUT_AFTER_MS)
    else if (!hangs) response.end()
  }
  const pace = { msPerFrame: rate === 0 ? 0 : 1000 / rate, pauseAt: half, pauseMs: script.stallMs }
  return state.pacer.send(response, paced, pace, done)
}

/** What follows the first half of an answer that breaks off. */
const BROKEN_ENDS: Readonly<Partial<Record<Fault, readonly Buffer[]>>> = {
  sse: [NOT_JSON, DONE],
  'chunk-error': [ERROR_FRAME, DONE],
  cut: [],
  'no-finish': [],
  hang: [],
}

/** The frames by token: what opens the stream goes with the first, what ends it with the last. */
function paceable(reply: Answer, fault: Fault | undefined): readonly Buffer[] {
  const half = Math.ceil(reply.frames.length / 2)
  const brokenEnd = fault === undefined ? undefined : BROKEN_ENDS[fault]
  const frames = brokenEnd ? reply.frames.slice(0, half) : [...reply.frames]
  const end = brokenEnd ?? endFrames(reply.finishReason, reply.usage, reply.usageFrame)
  const first = frames.shift()
  const last = frames.pop()
  if (first === undefined) return [Buffer.concat([ROLE, ...end])]
  if (last === undefined) return [Buffer.concat([ROLE, first, ...end])]
  return [Buffer.concat([ROLE, first]), ...frames, Buffer.concat([last, ...end])]
}

function completion(reply: Answer): object {
  const tools = reply.toolCalls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }))
  const message = { role: 'assistant', content: reply.text, ...(tools.length > 0 ? { tool_calls: tools } : {}) }
  return {
    id: 'chatcmpl-fake',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'fake',
    choices: [{ index: 0, message, finish_reason: reply.finishReason }],
    ...(reply.usage === undefined ? {} : { usage: wireUsage(reply.usage) }),
  }
}

function sendFailure(response: ServerResponse, { fail, retry, say }: Script): void {
  const inTwoSeconds = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toUTCString()
  if (retry !== undefined) response.setHeader('retry-after', retry === 'date' ? inTwoSeconds : retry)
  return sendError(response, fail, say ?? SENTENCES[fail] ?? `The fake provider was told to answer ${fail}.`)
}

/** What OpenAI says with these statuses, keys included as it echoes them. */
const SENTENCES: Readonly<Record<number, string>> = {
  400: "Invalid value for 'temperature': expected a number between 0 and 2.",
  401: 'Incorrect API key provided: sk-fake-*****-3456. You can find your API key at https://platform.openai.com.',
  404: 'The model `fake` does not exist or you do not have access to it.',
  429: 'Rate limit reached for requests. Please try again later.',
  500: 'The server had an error while processing your request. Sorry about that!',
}

function sendError(response: ServerResponse, status: number, message: string): void {
  return sendJson(response, status, { error: { message, type: 'fake_error', param: null, code: null } })
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { ...JSON_TYPE, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
