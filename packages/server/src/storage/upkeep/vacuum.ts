/**
 * Makes the room of deleted and replaced rows usable again on the embedded engine, which has no autovacuum.
 * @module
 */
import { sql } from 'kysely'
import type { Database } from '../engine.ts'

/** Nothing on PostgreSQL, which does it by itself. */
export async function vacuumEmbedded({ engine, maintenance }: Pick<Database, 'engine' | 'maintenance'>): Promise<void> {
  if (engine !== 'embedded') return
  const { rows } = await sql<{ name: string }>`
    select relnamespace::regnamespace::text || '.' || relname as name from pg_class
    where relkind = 'r' and starts_with(relname, 'agentos_')
      and relnamespace in (current_schema()::regnamespace, to_regnamespace('ai'))`.execute(maintenance)
  // Nothing else can ask while this runs. With the catalogues it takes 450 ms on an empty database, without 25.
  await sql`vacuum (analyze) ${sql.join(rows.map(({ name }) => sql.table(name)))}`.execute(maintenance)
}
