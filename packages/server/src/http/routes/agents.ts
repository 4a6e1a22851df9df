/**
 * The agents that this revision serves.
 * @module
 */
import { AgentResponse } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { toAgentResponse } from '../agno/agent.ts'
import type { AppDeps } from '../deps.ts'
import { route } from '../route.ts'
import { findAgent, listAgents } from '../stored-run.ts'

const tag = 'Agents'
export const AgentParams = z.object({ id: z.string() })

/** Agno's words; clients compare them. */
const AGENT_NOT_FOUND = 'Agent not found'

/** @throws {AgentOSError} AGENT_NOT_FOUND; not while there is no revision, which the run itself would say */
export function refuseUnknownAgent(deps: Pick<AppDeps, 'registry'>, id: string): void {
  if (deps.registry.current() && !findAgent(deps, id)) throw new AgentOSError('AGENT_NOT_FOUND', AGENT_NOT_FOUND)
}

export const getAgents = route({
  method: 'GET',
  path: '/agents',
  scope: 'agents:read',
  tag,
  summary: 'List the agents',
  response: z.array(AgentResponse),
  errors: [],
  handle: ({ deps }) => listAgents(deps).map(toAgentResponse),
})

export const getAgent = route({
  method: 'GET',
  path: '/agents/{id}',
  scope: 'agents:read',
  tag,
  summary: 'Read one agent',
  params: AgentParams,
  response: AgentResponse,
  errors: ['AGENT_NOT_FOUND'],
  handle({ params, deps }) {
    const agent = findAgent(deps, params.id)
    if (!agent) throw new AgentOSError('AGENT_NOT_FOUND', AGENT_NOT_FOUND)
    return toAgentResponse(agent)
  },
})
