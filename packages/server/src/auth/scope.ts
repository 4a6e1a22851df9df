/**
 * What a caller must be allowed to do to use a route, as `resource:action`. Every route declares one.
 * @module
 */
export type Scope =
  /** Open to everyone: health, the landing page, the docs. */
  | 'public'
  | 'config:read'
  | 'config:write'
  | 'agents:read'
  | 'agents:run'
  | 'teams:read'
  | 'workflows:read'
  | 'sessions:read'
  | 'sessions:write'
  | 'sessions:delete'
  | 'memories:read'
  | 'memories:write'
  | 'memories:delete'
  | 'learnings:read'
  | 'learnings:write'
  | 'learnings:delete'
  | 'knowledge:read'
  | 'knowledge:write'
  | 'knowledge:delete'
  | 'queue:read'
  | 'queue:write'
  | 'approvals:read'
  | 'approvals:write'
  | 'approvals:delete'
  | 'metrics:read'
  | 'metrics:write'
  | 'schedules:read'
  | 'schedules:write'
  | 'schedules:delete'
  | 'traces:read'
  /** All that is held of any user. */
  | 'users:read'
  | 'users:delete'
