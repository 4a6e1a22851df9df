/**
 * Every route of the API.
 * @module
 */
import type { Route } from '../route.ts'
import { reload, status, storage } from './admin.ts'
import { getAgent, getAgents } from './agents.ts'
import { getTeams, getWorkflows } from './empty-families.ts'
import {
  getApproval,
  getApprovalCount,
  getApprovals,
  getApprovalStatus,
  postApprovalResolution,
  removeApproval,
} from './approvals.ts'
import { getUsage, getUsageRefreshStatus, refreshUsage } from './usage.ts'
import { forkAgentSession, getCheckpoint, getCheckpoints } from './checkpoints.ts'
import { continueRun } from './continue-run.ts'
import { getSessionMedia } from './media.ts'
import {
  deleteLearning,
  deleteUserLearnings,
  getLearning,
  getLearnings,
  getLearningUsers,
  patchLearning,
  postLearning,
} from './learnings.ts'
import {
  deleteMemories,
  deleteMemory,
  getMemories,
  getMemory,
  getMemoryTopics,
  getUserMemoryStats,
  patchMemory,
  postMemory,
  postOptimizeMemories,
} from './memories.ts'
import {
  deleteContent,
  deleteContents,
  getContent,
  getContents,
  getContentStatus,
  getKnowledgeConfig,
  patchContent,
  postContent,
  refreshContent,
  searchKnowledge,
} from './knowledge.ts'
import { getKnowledgeSourceFiles, getKnowledgeSources, postRemoteContent } from './knowledge-sources.ts'
import { getMetrics } from './metrics.ts'
import { deleteUser, getUserExport } from './privacy.ts'
import { takeCpuProfile, takeHeapProfile } from './profiles.ts'
import { getQueueJob, getQueueJobs, getQueueStats, requeueJob } from './queue.ts'
import { getRunEvents, resumeRun } from './run-events.ts'
import { cancelRun, getRun, getRuns } from './runs.ts'
import { startRun } from './start-run.ts'
import { config, health, home, info, models, ready, startup } from './server.ts'
import { getScheduleRun, getScheduleRuns } from './schedule-runs.ts'
import {
  disableSchedule,
  enableSchedule,
  getSchedule,
  getSchedules,
  patchSchedule,
  postSchedule,
  removeSchedule,
  triggerSchedule,
} from './schedules.ts'
import {
  deleteManySessions,
  deleteSession,
  getSession,
  getSessionRun,
  getSessionRunPreviews,
  getSessionRuns,
  getSessions,
  patchSession,
  postSession,
  renameSession,
} from './sessions.ts'
import { getTrace, getTraceFilterSchema, getTraces, getTraceSessionStats, searchTraces } from './traces.ts'

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
  continueRun,
  resumeRun,
  getRunEvents,
  getCheckpoints,
  getCheckpoint,
  forkAgentSession,
  getSessions,
  postSession,
  deleteManySessions,
  getSession,
  patchSession,
  renameSession,
  deleteSession,
  getSessionRuns,
  getSessionRunPreviews,
  getSessionRun,
  getSessionMedia,
  postMemory,
  getMemories,
  deleteMemories,
  getMemory,
  patchMemory,
  deleteMemory,
  getMemoryTopics,
  getUserMemoryStats,
  postOptimizeMemories,
  getLearnings,
  postLearning,
  getLearningUsers,
  deleteUserLearnings,
  getLearning,
  patchLearning,
  deleteLearning,
  getApprovals,
  getApprovalCount,
  getApproval,
  getApprovalStatus,
  postApprovalResolution,
  removeApproval,
  postContent,
  postRemoteContent,
  getContents,
  deleteContents,
  getContent,
  getContentStatus,
  patchContent,
  refreshContent,
  deleteContent,
  searchKnowledge,
  getKnowledgeConfig,
  getKnowledgeSources,
  getKnowledgeSourceFiles,
  getQueueStats,
  getQueueJobs,
  getQueueJob,
  requeueJob,
  getTraces,
  getTraceFilterSchema,
  getTrace,
  searchTraces,
  getTraceSessionStats,
  getSchedules,
  postSchedule,
  getSchedule,
  patchSchedule,
  removeSchedule,
  enableSchedule,
  disableSchedule,
  triggerSchedule,
  getScheduleRuns,
  getScheduleRun,
  getUsage,
  refreshUsage,
  getUsageRefreshStatus,
  reload,
  storage,
  status,
  takeCpuProfile,
  takeHeapProfile,
  getUserExport,
  deleteUser,
  getMetrics,
]
