/**
 * Teams and workflows: none are served, and clients that list everything at their start get empty lists.
 * @module
 */
import { JsonObject } from '@agentos/wire'
import { z } from 'zod'
import { route } from '../route.ts'

export const getTeams = route({
  method: 'GET',
  path: '/teams',
  scope: 'teams:read',
  tag: 'Agents',
  summary: 'List the teams: none',
  response: z.array(JsonObject),
  errors: [],
  handle: () => [],
})

export const getWorkflows = route({
  method: 'GET',
  path: '/workflows',
  scope: 'workflows:read',
  tag: 'Agents',
  summary: 'List the workflows: none',
  response: z.array(JsonObject),
  errors: [],
  handle: () => [],
})
