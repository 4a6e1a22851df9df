/**
 * Sessions as Agno shows them: in lists, and in detail by type.
 * @module
 */
import type { SessionDetail, SessionSchema } from '@agentos/wire'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { Session } from '../storage/sessions.ts'
import { toChatHistory } from './agno-message.ts'
import { toCounts } from './agno-metrics.ts'
import { toIsoSeconds } from './agno-run.ts'

export function toSessionSchema(session: Session): SessionSchema {
  const { userId, summary, metadata, usage } = session
  return {
    ...identityOf(session),
    session_state: session.sessionState,
    ...timesOf(session),
    session_type: session.sessionType,
    ...(userId !== null && { user_id: userId }),
    ...componentOf(session),
    ...(summary !== null && { session_summary: summary }),
    metrics: toCounts(usage),
    ...(usage.totalTokens > 0 && { total_tokens: usage.totalTokens }),
    ...(metadata !== null && { metadata }),
  }
}

/**
 * With its null keys; some routes leave those out.
 * @param messages the transcripts of its runs, oldest first
 * @param agent the session's agent in the revision that serves now, if it has one
 */
export function toSessionDetail(
  session: Session,
  messages: readonly Message[],
  agent: AgentInfo | undefined,
): SessionDetail {
  const { sessionType, userId, summary, sessionState, metadata, usage, componentId } = session
  const common = { session_state: sessionState, metadata }
  const total = usage.totalTokens > 0 ? usage.totalTokens : null
  if (sessionType === 'workflow') {
    return {
      user_id: userId,
      workflow_id: componentId,
      workflow_name: null,
      ...identityOf(session),
      session_data: { session_state: sessionState },
      workflow_data: null,
      ...common,
      ...timesOf(session),
    }
  }
  const shared = {
    ...identityOf(session),
    session_summary: summary,
    ...common,
    metrics: toCounts(usage),
    chat_history: toChatHistory(messages),
    ...timesOf(session),
  }
  if (sessionType === 'team') {
    return { ...shared, user_id: userId, team_id: componentId, team_data: null, total_tokens: total }
  }
  return {
    user_id: userId,
    agent_session_id: session.sessionId,
    ...shared,
    agent_id: componentId,
    total_tokens: total,
    agent_data: agent
      ? { name: agent.name, agent_id: agent.id, model: { name: agent.model.id, ...agent.model } }
      : null,
  }
}

function identityOf(session: Session) {
  return { session_id: session.sessionId, session_name: session.sessionName ?? session.defaultName }
}

function timesOf({ createdAt, updatedAt }: Session) {
  return { created_at: toIsoSeconds(createdAt.getTime()), updated_at: toIsoSeconds(updatedAt.getTime()) }
}

function componentOf({ sessionType, componentId }: Session) {
  if (componentId === null) return {}
  if (sessionType === 'agent') return { agent_id: componentId }
  return sessionType === 'team' ? { team_id: componentId } : { workflow_id: componentId }
}
