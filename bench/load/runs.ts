/**
 * Short runs back to back on kept connections.
 * @module
 */
import { Agent, request } from 'node:http'
import type { RunsJob, RunsResult } from './job.ts'

const COMPLETED = 'event: RunCompleted\n'

export async function loadRuns(job: RunsJob): Promise<RunsResult> {
  const { url, message, concurrency, runs, fields = {}, mark = COMPLETED } = job
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const body = Buffer.from(new URLSearchParams({ message, ...fields }).toString())
  const latencies: number[] = []
  let left = runs
  let failed = 0
  const startedAt = performance.now()
  const client = async () => {
    while (left-- > 0) {
      const sentAt = performance.now()
      const answer = await post(url, body, agent)
      latencies.push(performance.now() - sentAt)
      if (!answer.includes(mark)) failed++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, client))
  const wallMs = performance.now() - startedAt
  agent.destroy()
  return { latencies, wallMs, failed }
}

/** @returns an empty answer when the connection broke */
function post(url: string, body: Buffer, agent: Agent): Promise<Buffer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
  return new Promise((resolve) => {
    const broken = () => resolve(Buffer.alloc(0))
    const outgoing = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
      response.on('error', broken)
    })
    outgoing.on('error', broken)
    outgoing.end(body)
  })
}
