/**
 * What the doctor tells of a running server, for people.
 * @module
 */
import type { ServerStatus } from '@agentos/wire'
import type { ServerReport } from './server.ts'
import { describeBytes, describeDuration, line, lines, listProblems } from './text.ts'

export function describeServer({ url, info, ready, status, problems }: ServerReport): string {
  return [
    line('server', url),
    ...(info === null ? [] : [line('agentos', `${info.os_version}, ${info.os_id}, ${info.agent_count} agents`)]),
    ...(ready === null ? [] : describeReady(ready)),
    ...(status === null ? [] : describeStatus(status)),
    '',
    ...(problems.length > 0 ? listProblems(problems) : ['ok']),
  ].join('\n')
}

function describeReady({ ready, revision, desired, degraded }: NonNullable<ServerReport['ready']>): string[] {
  const wanted = revision === desired ? '' : `, ${desired ?? 'none'} is wanted`
  return [
    line('ready', `${ready ? 'yes' : 'no'}${degraded ? ', degraded' : ''}`),
    line('revision', `${revision ?? 'none'}${wanted}`),
  ]
}

function describeStatus(status: ServerStatus): string[] {
  const { event_loop: loop, runs, database, generations, spans } = status
  const lease = runs.oldest_lease_seconds === null ? '' : `, oldest lease ${runs.oldest_lease_seconds.toFixed(1)} s`
  const memory = status.memory_bytes === null ? '' : `, ${describeBytes(status.memory_bytes)} of memory`
  const up = describeDuration(status.uptime_seconds * 1000)
  return [
    line('replica', `${status.replica_id}, node ${status.node}, up ${up}${memory}`),
    line('event loop', `late by ${ms(loop.p50_ms)} p50, ${ms(loop.p99_ms)} p99, ${ms(loop.max_ms)} at most`),
    line(
      'runs',
      `${runs.active ?? 0} here, ${runs.waiting ?? '?'} wait in the fleet${lease}${runs.background_limit === 0 ? ', takes none from the queue' : ''}`,
    ),
    line('streams', `${status.streams_open} open`),
    ...lines(
      'pools',
      database.pools.map((pool) => `${pool.name}: ${pool.used} of ${pool.max} in use, ${pool.waiting} wait`),
    ),
    ...lines(
      'workers',
      generations.map(
        ({ revision, state, runs: own, credit }) => `${revision} ${state}, ${own} runs, credit ${credit}`,
      ),
    ),
    ...(status.worker_ends === 0 ? [] : [line('', `${status.worker_ends} ended by themselves`)]),
    ...lines('knowledge', status.knowledge.map(describeBase)),
    ...lines(
      'spans',
      spans.map(({ sink, queued, dropped }) => `${sink}: ${queued} wait, ${dropped} were dropped`),
    ),
  ]
}

function describeBase({ id, documents, chunks, embedder, words_only: why }: ServerStatus['knowledge'][number]): string {
  const read =
    documents && `documents ${documents.ready} ready, ${documents.reading} being read, ${documents.failed} failed`
  const how = embedder === null ? 'no embedder' : `${embedder.name} ${ANSWERS[String(embedder.answers)] ?? ''}`
  return [
    `${id}: ${read ?? 'documents ?'}`,
    `${chunks ?? '?'} chunks`,
    how,
    ...(why === null ? [] : ['by words only']),
  ].join(', ')
}

const ANSWERS: Readonly<Record<string, string>> = { true: 'answers', false: 'does not answer', null: 'not asked yet' }

const ms = (value: number | null) => (value === null ? '?' : `${value.toFixed(1)} ms`)
