/**
 * Short requests back to back on kept connections.
 * @module
 */
import { Agent, request } from 'node:http'
import type { RequestsJob, RequestsResult } from './job.ts'

export async function loadRequests(job: RequestsJob): Promise<RequestsResult> {
  const { urls, body, concurrency, requests } = job
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const latencies: number[] = []
  let sent = 0
  let failed = 0
  let bytes = 0
  const startedAt = performance.now()
  const client = async () => {
    while (sent < requests) {
      const url = urls[sent++ % urls.length]
      if (url === undefined) throw new RangeError('urls must not be empty')
      const sentAt = performance.now()
      const answer = await ask(url, body, agent)
      latencies.push(performance.now() - sentAt)
      if (answer.status !== 200) failed++
      bytes += answer.bytes
    }
  }
  await Promise.all(Array.from({ length: concurrency }, client))
  const wallMs = performance.now() - startedAt
  agent.destroy()
  return { latencies, wallMs, failed, bytes }
}

/** @returns status 0 when the connection broke */
function ask(url: string, body: string | undefined, agent: Agent): Promise<{ status: number; bytes: number }> {
  const posted = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' } }
  return new Promise((resolve) => {
    const broken = () => resolve({ status: 0, bytes: 0 })
    const outgoing = request(url, { agent, ...posted }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes }))
      response.on('error', broken)
    })
    outgoing.on('error', broken)
    outgoing.end(body)
  })
}
