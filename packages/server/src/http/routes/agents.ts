/**
 * The agents that this revision serves.
 * @module
 */
import { AgentResponse } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { toAgentResponse } from '../agno-agent.ts'
import { route } from '../route.ts'
import { findAgent, listAgents } from '../stored-run.ts'

const tag = 'Agents'
export const AgentParams = z.object({ id: z.string() })

/** Agno's words; clients compare them. */
export const AGENT_NOT_FOUND = 'Agent not found'

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
