/**
 * Checkpoints as Agno shows them: places in the transcript of a run that it can be continued from. They follow from the
 * transcript; nothing else is stored for them.
 * @module
 */
import type { Checkpoint, CheckpointSnapshot } from '@agentos/wire'
import { reasoningOf, textOf, toolCallsOf, type Message } from '../../base/message.ts'
import { cutsOf } from '../../base/transcript.ts'
import { type ShownRun, toRunOutput } from './run.ts'

/** In the order of the transcript; the last message is one too, also where the run waits for answers. */
export function listCheckpoints(run: ShownRun): Checkpoint[] {
  const { length } = run.messages
  const places = new Set(length > 0 ? [...cutsOf(run.messages), length] : [])
  return [...places].map((place, index) => ({
    ...describePlace(run, place, place === length ? 'end' : 'checkpoint'),
    checkpoint_id: String(index + 1),
  }))
}

/**
 * The run as it was at a place of its transcript. A place between a call and its result is moved before the call.
 * @param messageIndex 0 to the number of its messages
 */
export function toSnapshot(run: ShownRun, messageIndex: number): CheckpointSnapshot {
  const known = listCheckpoints(run).find(({ message_index }) => message_index === messageIndex)
  const kept = messageIndex === run.messages.length ? messageIndex : beforeOpenCalls(run.messages, messageIndex)
  const messages = run.messages.slice(0, kept)
  const calls = new Set(messages.flatMap(callIdsOf))
  const requirements = run.requirements.filter(({ toolCallId }) => calls.has(toolCallId))
  return {
    checkpoint: { ...describePlace(run, messageIndex, 'snapshot'), checkpoint_id: known?.checkpoint_id ?? null },
    snapshot: { ...toRunOutput({ ...run, messages, requirements }), last_checkpoint_at_message_index: kept },
  }
}

/** How many messages are left without those from the first call on that has no result among the first `count`. */
function beforeOpenCalls(messages: readonly Message[], count: number): number {
  const kept = messages.slice(0, count)
  const done = new Set(kept.flatMap((message) => (message.role === 'tool' ? [message.toolCallId] : [])))
  const open = kept.findIndex(
    (message) => message.role === 'assistant' && !callIdsOf(message).every((id) => done.has(id)),
  )
  return open === -1 ? count : open
}

function callIdsOf(message: Message): string[] {
  return message.role === 'assistant' ? toolCallsOf(message).map(({ toolCallId }) => toolCallId) : []
}

const PREVIEW_LENGTH = 120

function describePlace(run: ShownRun, place: number, reason: Checkpoint['reason']): Checkpoint {
  const message = run.messages[place - 1]
  return {
    checkpoint_id: null,
    run_id: run.runId,
    session_id: run.sessionId,
    message_index: place,
    continue_from: place,
    status: run.status,
    reason,
    created_at: Math.floor((message?.createdAt ?? run.createdAt) / 1000),
    message_id: message?.id ?? null,
    message_role: message?.role ?? null,
    message_preview: message ? preview(message) : null,
    is_latest: place === run.messages.length,
  }
}

/** Agno's cut: 119 characters and three dots. */
function preview(message: Message): string {
  const text = (message.role === 'assistant' ? textOf(message) || reasoningOf(message) : message.content)
    .replaceAll('\n', ' ')
    .trim()
  return text.length <= PREVIEW_LENGTH ? text : `${text.slice(0, PREVIEW_LENGTH - 1)}...`
}
