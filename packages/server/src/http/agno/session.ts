/**
 * Sessions as Agno shows them: in lists, and in detail by type.
 * @module
 */
import type { SessionDetail, SessionSchema } from '@agentos/wire'
import type { Message } from '../../base/message.ts'
import type { AgentInfo } from '../../base/runnable.ts'
import type { Session } from '../../storage/sessions/sessions.ts'
import { toChatHistory } from './message.ts'
import { toCounts } from './metrics.ts'
import { toIsoSeconds } from './time.ts'

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
  switch (session.sessionType) {
    case 'agent':
      return toAgentDetail(session, messages, agent)
    case 'team':
      return toTeamDetail(session, messages)
    case 'workflow':
      return toWorkflowDetail(session)
  }
}

function toAgentDetail(session: Session, messages: readonly Message[], agent: AgentInfo | undefined): SessionDetail {
  return {
    user_id: session.userId,
    agent_session_id: session.sessionId,
    ...identityOf(session),
    session_summary: session.summary,
    session_state: session.sessionState,
    agent_id: session.componentId,
    total_tokens: totalOf(session),
    agent_data: agent ? toAgentData(agent) : null,
    metrics: toCounts(session.usage),
    metadata: session.metadata,
    chat_history: toChatHistory(messages, session.sessionId),
    ...timesOf(session),
  }
}

function toTeamDetail(session: Session, messages: readonly Message[]): SessionDetail {
  return {
    ...identityOf(session),
    user_id: session.userId,
    team_id: session.componentId,
    session_summary: session.summary,
    session_state: session.sessionState,
    metrics: toCounts(session.usage),
    team_data: null,
    metadata: session.metadata,
    chat_history: toChatHistory(messages, session.sessionId),
    ...timesOf(session),
    total_tokens: totalOf(session),
  }
}

function toWorkflowDetail(session: Session): SessionDetail {
  return {
    user_id: session.userId,
    workflow_id: session.componentId,
    workflow_name: null,
    ...identityOf(session),
    session_data: { session_state: session.sessionState },
    session_state: session.sessionState,
    workflow_data: null,
    metadata: session.metadata,
    ...timesOf(session),
  }
}

function toAgentData({ id, name, model }: AgentInfo) {
  return { name, agent_id: id, model: { name: model.id, id: model.id, provider: model.provider } }
}

function totalOf({ usage }: Session): number | null {
  return usage.totalTokens > 0 ? usage.totalTokens : null
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
