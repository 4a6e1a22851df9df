/**
 * `node bench/limit/main.ts MODEL_BASE_URL POSTGRES_URL`: the least that serving a run takes, as the ruler of the bench. A
 * bare Node program with the same run route: the model calls over `http.request`, the tool, three rows written to
 * PostgreSQL, the answer as it comes. No sessions, no history, no validation, no recovery.
 * Prints one JSON line `{"url":"http://127.0.0.1:N"}` and ends with its standard input.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectPostgres } from '../../e2e/postgres-client.ts'

type Delta = {
  readonly content?: string
  readonly tool_calls?: readonly {
    readonly id?: string
    readonly function: { readonly name?: string; readonly arguments: string }
  }[]
}
type Call = { id: string; name: string; arguments: string }

const [modelUrl = '', postgresUrl = ''] = process.argv.slice(2)
const completions = new URL(`${modelUrl}/chat/completions`)
const agent = new Agent({ keepAlive: true })
const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'look_up',
      description: 'Looks a city up',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]

await using database = await connectPostgres(postgresUrl)
await database.query(
  'create table if not exists limit_rows (run uuid, step int, content jsonb, primary key (run, step))',
)
const write = (run: string, step: number, content: unknown) =>
  database.query('insert into limit_rows values ($1, $2, $3)', [run, String(step), JSON.stringify(content)])

async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.method === 'GET') return void response.end('{"status":"ok"}')
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const input = new URLSearchParams(Buffer.concat(chunks).toString()).get('message') ?? ''
  const run = randomUUID()
  const head = `"created_at":${Math.floor(Date.now() / 1000)},"agent_id":"limit","run_id":"${run}"`
  const send = (event: string, more: string) => response.write(`event: ${event}\ndata: {${head}${more}}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  await write(run, 0, { input })
  send('RunStarted', '')
  const messages: object[] = [{ role: 'user', content: input }]
  const onText = (text: string) => send('RunContent', `,"content":${JSON.stringify(text)}`)
  let reply = await callModel(messages, onText)
  let step = 0
  for (; reply.call; step++) {
    const { id, name } = reply.call
    const { city } = JSON.parse(reply.call.arguments) as { city: string }
    const result = JSON.stringify({ city, sky: 'clear' })
    const calls = [{ id, type: 'function', function: { name, arguments: reply.call.arguments } }]
    messages.push({ role: 'assistant', tool_calls: calls }, { role: 'tool', tool_call_id: id, content: result })
    await write(run, step + 1, messages.slice(-2))
    send('ToolCallCompleted', `,"content":${JSON.stringify(result)}`)
    reply = await callModel(messages, onText)
  }
  await write(run, step + 1, { text: reply.text })
  send('RunCompleted', `,"content":${JSON.stringify(reply.text)}`)
  response.end()
}

async function callModel(
  messages: readonly object[],
  onText: (text: string) => void,
): Promise<{ readonly text: string; readonly call: Call | undefined }> {
  const body = JSON.stringify({ model: 'fake', stream: true, messages, tools: TOOLS })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const outgoing = request(completions, { method: 'POST', agent, headers })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  let rest = ''
  let text = ''
  let call: Call | undefined
  for await (const chunk of answer) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue
      const { choices } = JSON.parse(line.slice(6)) as { choices: readonly { delta: Delta }[] }
      const delta = choices[0]?.delta
      if (delta?.content) {
        text += delta.content
        onText(delta.content)
      }
      for (const part of delta?.tool_calls ?? []) {
        call ??= { id: part.id ?? '', name: part.function.name ?? '', arguments: '' }
        call.arguments += part.function.arguments
      }
    }
  }
  return { text, call }
}

const server = createServer((incoming, response) => {
  // The load generator counts it as failed.
  serve(incoming, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.stdin.resume()
await once(process.stdin, 'end')
server.close()
server.closeAllConnections()
agent.destroy()
