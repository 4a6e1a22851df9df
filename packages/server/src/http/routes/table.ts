/**
 * Every route of the API.
 * @module
 */
import type { Route } from '../route.ts'
import { reload } from './admin.ts'
import { getAgent, getAgents } from './agents.ts'
import { getTeams, getWorkflows } from './empty-families.ts'
import { cancelRun, getRun, getRuns, startRun } from './runs.ts'
import { config, health, home, info, models, ready, startup } from './server.ts'
import {
  deleteManySessions,
  deleteSession,
  getSession,
  getSessionRun,
  getSessionRuns,
  getSessions,
  patchSession,
  postSession,
  renameSession,
} from './sessions.ts'

export const ROUTES: readonly Route[] = [
  home,
  health,
  ready,
  startup,
  info,
  config,
  models,
  getAgents,
  getAgent,
  getTeams,
  getWorkflows,
  startRun,
  getRuns,
  getRun,
  cancelRun,
  getSessions,
  postSession,
  deleteManySessions,
  getSession,
  patchSession,
  renameSession,
  deleteSession,
  getSessionRuns,
  getSessionRun,
  reload,
]
