/**
 * The storage report as the API has it.
 * @module
 */
import type { StorageReport as WireStorageReport } from '@agentos/wire'
import type { StorageReport } from '../storage/upkeep/storage-report.ts'

export function toStorageReport(report: StorageReport): WireStorageReport {
  return {
    database_bytes: report.databaseBytes,
    tables: report.tables.map((table) => ({
      name: table.name,
      rows: table.rows,
      is_estimate: table.isEstimate,
      table_bytes: table.tableBytes,
      index_bytes: table.indexBytes,
      toast_bytes: table.toastBytes,
    })),
    event_partitions: report.eventPartitions.map(({ name, day, bytes }) => ({ name, day, bytes })),
    oldest_run_at: report.oldestRunAt?.toISOString() ?? null,
  }
}
