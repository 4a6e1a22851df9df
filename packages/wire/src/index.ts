/**
 * The HTTP contract: schemas of requests, answers and events under Agno's names. Runs in a browser too.
 * @module
 */
export * from './agent.ts'
export * from './approval.ts'
export * from './checkpoint.ts'
export * from './event.ts'
export * from './json.ts'
export * from './message.ts'
export * from './metrics.ts'
export * from './problem.ts'
export * from './profile.ts'
export * from './queue.ts'
export * from './requirement.ts'
export * from './resume.ts'
export * from './run-status.ts'
export * from './run.ts'
export * from './server-metrics.ts'
export * from './server.ts'
export * from './session.ts'
export * from './storage.ts'
export * from './tool.ts'
export * from './trace.ts'
