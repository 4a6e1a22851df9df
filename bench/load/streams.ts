/**
 * Many streams at once over raw sockets: nothing is parsed, the bytes are searched for the frames that count.
 * @module
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamsJob, StreamsResult } from './job.ts'
import { quantile } from '../report.ts'

const CONTENT = Buffer.from('event: RunContent\n')
const COMPLETED = Buffer.from('event: RunCompleted\n')
/** Bytes of a piece that may begin a mark which the next piece ends. */
const OVERLAP = COMPLETED.length - 1

type Totals = { readonly firstTokens: number[]; readonly gaps: number[]; contents: number; failed: number }

export async function loadStreams(job: StreamsJob): Promise<StreamsResult> {
  const totals: Totals = { firstTokens: [], gaps: [], contents: 0, failed: 0 }
  const startedAt = performance.now()
  const streams: Promise<void>[] = []
  for (let index = 0; index < job.streams; index++) {
    // Against the clock, so that late timers do not stretch the ramp.
    const wait = startedAt + index * job.rampMs - performance.now()
    if (wait > 0) await sleep(wait)
    streams.push(readStream(job, totals))
  }
  await Promise.all(streams)
  return {
    firstTokens: totals.firstTokens,
    gapP50: quantile(totals.gaps, 0.5),
    gapP99: quantile(totals.gaps, 0.99),
    wallMs: performance.now() - startedAt,
    failed: totals.failed,
    contents: totals.contents,
  }
}

function readStream({ url, message, stallMs }: StreamsJob, totals: Totals): Promise<void> {
  const { hostname, port, pathname } = new URL(url)
  const body = new URLSearchParams({ message }).toString()
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    const startedAt = performance.now()
    let lastAt: number | undefined
    let completed = false
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const piece = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const contents = count(piece, CONTENT)
      completed ||= piece.includes(COMPLETED)
      rest = piece.subarray(keepFrom(piece))
      if (contents === 0) return
      const now = performance.now()
      totals.contents += contents
      if (lastAt === undefined) totals.firstTokens.push(now - startedAt)
      else totals.gaps.push(now - lastAt)
      if (lastAt === undefined && stallMs > 0) {
        socket.pause()
        setTimeout(() => socket.resume(), stallMs)
      }
      lastAt = now
    })
    // 'close' follows and counts it.
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!completed) totals.failed++
      resolve()
    })
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  })
}

function count(piece: Buffer, mark: Buffer): number {
  let found = 0
  for (let at = piece.indexOf(mark); at >= 0; at = piece.indexOf(mark, at + mark.length)) found++
  return found
}

/** Where the part begins that has to be seen again with the next piece; past the last content, so that none counts twice. */
function keepFrom(piece: Buffer): number {
  const last = piece.lastIndexOf(CONTENT)
  const seen = last < 0 ? 0 : last + CONTENT.length
  return Math.max(seen, piece.length - OVERLAP)
}
