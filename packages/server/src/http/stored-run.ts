/**
 * Reads runs with what belongs to them, in a fixed number of queries however many runs there are.
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { type EventChunk, readEvents } from '../storage/run-events.ts'
import { loadMessages, type Run } from '../storage/runs.ts'
import type { Session } from '../storage/sessions.ts'
import { fromStored, type ShownRun } from './agno-run.ts'
import type { AppDeps } from './deps.ts'

/** The agents of the revision that serves now. */
export function listAgents({ registry }: Pick<AppDeps, 'registry'>): readonly AgentInfo[] {
  return registry.current()?.manifest.agents ?? []
}

export function findAgent(deps: Pick<AppDeps, 'registry'>, id: string | null): AgentInfo | undefined {
  return listAgents(deps).find((agent) => agent.id === id)
}

/** Runs of one session for a list: with their messages, without their events. */
export async function showRuns(deps: AppDeps, session: Session, runs: readonly Run[]): Promise<ShownRun[]> {
  const journals = await loadMessages(deps.database.db, idsOf(runs))
  return runs.map((run) =>
    fromStored(run, {
      agent: findAgent(deps, run.componentId),
      sessionState: session.sessionState,
      messages: journals.get(run.runId) ?? [],
      events: null,
    }),
  )
}

/** One run with everything: its events too, when it was streamed. */
export async function showRun(deps: AppDeps, session: Session, run: Run): Promise<ShownRun> {
  const { db } = deps.database
  const [journals, chunks] = await Promise.all([
    loadMessages(db, [run.runId]),
    run.streamed ? readEvents(db, run.runId, -1) : [],
  ])
  return fromStored(run, {
    agent: findAgent(deps, run.componentId),
    sessionState: session.sessionState,
    messages: journals.get(run.runId) ?? [],
    events: run.streamed ? listEvents(chunks) : null,
  })
}

/** What was said in the runs, in their order. */
export async function loadTranscript(deps: AppDeps, runs: readonly Run[]): Promise<Message[]> {
  const journals = await loadMessages(deps.database.db, idsOf(runs))
  return runs.flatMap(({ runId }) => journals.get(runId) ?? [])
}

/** Events as Agno stores them: all but RunContent, and ToolCallError after a call that failed. */
function listEvents(chunks: readonly EventChunk[]): JsonObject[] {
  const events: JsonObject[] = []
  let last = -1
  for (const { firstIndex, events: lines } of chunks) {
    for (const [offset, line] of lines.split('\n').entries()) {
      // Chunks may overlap where one was written twice.
      if (line === '' || firstIndex + offset <= last) continue
      last = firstIndex + offset
      const event = parseJson(line)
      if (!isJsonObject(event) || event['event'] === 'RunContent') continue
      events.push(event, ...followersOf(event))
    }
  }
  return events
}

function followersOf(event: JsonObject): JsonObject[] {
  const { event: name, content: _, tool, ...base } = event
  if (name !== 'ToolCallCompleted' || !isJsonObject(tool) || tool['tool_call_error'] !== true) return []
  const { created_at, ...rest } = base
  return [{ created_at: created_at ?? null, event: 'ToolCallError', ...rest, error: tool['result'] ?? '', tool }]
}

function idsOf(runs: readonly Run[]): string[] {
  return runs.map(({ runId }) => runId)
}
