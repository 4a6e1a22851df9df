/**
 * The usage routes of the client.
 * @module
 */
import { z } from 'zod'
import type { Transport } from './transport.ts'
import { DayUsage, type UsageQuery, UsageRefresh, UsageRefreshStatus, UsageReport } from './usage.ts'

export function createUsageClient({ ask }: Transport) {
  return {
    days: (query: UsageQuery = {}) => ask(UsageReport, '/metrics', { query }),
    /** @returns the days that are not over for long */
    refresh: () => ask(z.array(DayUsage), '/metrics/refresh', { method: 'POST' }),
    refreshInBackground: () => ask(UsageRefresh, '/metrics/refresh', { method: 'POST', query: { background: 'true' } }),
    refreshStatus: () => ask(UsageRefreshStatus, '/metrics/refresh/status'),
  }
}
