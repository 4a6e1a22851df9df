/**
 * Reads runs with what belongs to them, in a fixed number of queries however many runs there are.
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { Entry } from '../runs/runs.ts'
import { splitChunks } from '../runs/stored-entries.ts'
import type { Db } from '../storage/database.ts'
import { tailEvents } from '../storage/runs/run-events.ts'
import { loadMessages, type Run } from '../storage/runs/runs.ts'
import type { Session } from '../storage/sessions/sessions.ts'
import { followerOf } from './agno/events.ts'
import { fromStored, type ShownRun } from './agno/run.ts'
import type { AppDeps } from './deps.ts'

/** The agents of the revision that serves now. */
export function listAgents({ registry }: Pick<AppDeps, 'registry'>): readonly AgentInfo[] {
  return registry.current()?.manifest.agents ?? []
}

export function findAgent(deps: Pick<AppDeps, 'registry'>, id: string | null): AgentInfo | undefined {
  return listAgents(deps).find((agent) => agent.id === id)
}

/** Runs of one session with everything that belongs to them; those that were streamed with their events. */
export async function showRuns(deps: AppDeps, session: Session, runs: readonly Run[]): Promise<ShownRun[]> {
  const { db } = deps.database
  const [journals, events] = await Promise.all([loadMessages(db, idsOf(runs)), loadEvents(db, runs)])
  return runs.map((run) =>
    fromStored(run, {
      agent: findAgent(deps, run.componentId),
      sessionState: session.sessionState,
      messages: journals.get(run.runId) ?? [],
      events: run.streamed ? (events.get(run.runId) ?? []) : null,
    }),
  )
}

/** One run with everything. */
export async function showRun(deps: AppDeps, session: Session, run: Run): Promise<ShownRun> {
  const [shown] = await showRuns(deps, session, [run])
  // Every run of the list is shown.
  return shown as ShownRun
}

/** What was said in the runs, in their order. */
export async function loadTranscript(deps: AppDeps, runs: readonly Run[]): Promise<Message[]> {
  const journals = await loadMessages(deps.database.db, idsOf(runs))
  return runs.flatMap(({ runId }) => journals.get(runId) ?? [])
}

/** How many runs' events are read at a time: events are the largest part of a run. */
const RUNS_AT_ONCE = 50

async function loadEvents(db: Db, runs: readonly Run[]): Promise<Map<string, JsonObject[]>> {
  const streamed = idsOf(runs.filter((run) => run.streamed))
  const events = new Map<string, JsonObject[]>()
  for (let from = 0; from < streamed.length; from += RUNS_AT_ONCE) {
    const cursors = streamed
      .slice(from, from + RUNS_AT_ONCE)
      .map((runId) => ({ runId, afterIndex: -1, chunkFirst: -1 }))
    for (const { runId, chunks, voidEvents } of await tailEvents(db, cursors)) {
      events.set(runId, listEvents(splitChunks(chunks, -1, voidEvents)))
    }
  }
  return events
}

/** Events as Agno stores them: all but RunContent, and ToolCallError after a call that failed. */
function listEvents(entries: readonly Entry[]): JsonObject[] {
  return entries.flatMap(({ json }) => {
    const event = parseJson(json)
    if (!isJsonObject(event) || event['event'] === 'RunContent') return []
    const follower = followerOf(event)
    return follower ? [event, follower] : [event]
  })
}

function idsOf(runs: readonly Run[]): string[] {
  return runs.map(({ runId }) => runId)
}
