/**
 * The checks of this repository: what each runs, and what to do when it fails. `check.ts` and `test.ts` choose among them.
 * @module
 */

export interface Stage {
  readonly name: string
  /** A command of node_modules/.bin or a script of this repository (`*.ts`), and its arguments. */
  readonly command: readonly [string, ...string[]]
  /** Printed when the stage fails. */
  readonly fix: string
  /** Whether the command is vitest, whose tests are counted one by one; another command counts as one. */
  readonly isVitest?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Longest first. */
export const STATIC_STAGES: readonly Stage[] = [
  {
    name: 'lint',
    command: ['oxlint'],
    fix: 'Each finding above says what it wants; `npm run lint -- --fix` mends some. To keep one, put `// oxlint-disable-next-line RULE -- REASON` above the line.',
  },
  {
    name: 'types',
    // It keeps what it found, and looks again only at what changed.
    command: ['tsc', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/agentos/types.tsbuildinfo'],
    fix: 'Mend the types; `npm run typecheck` runs only this.',
  },
  {
    name: 'boundaries',
    command: ['tools/boundaries.ts'],
    fix: 'Move the import as the rule beside it says; `npm run boundaries` runs only this.',
  },
  {
    name: 'dead-code',
    command: ['knip', '--no-config-hints'],
    fix: 'Remove what nothing uses, or use it; `npm run dead` runs only this. What counts as used stands in knip.config.ts.',
  },
  {
    name: 'format',
    command: ['oxfmt', '--check'],
    fix: 'Run `npm run format`.',
  },
  {
    name: 'lockfile',
    command: ['tools/lockfile.ts'],
    fix: 'Each line above says how; then run `npm install` and commit package-lock.json.',
  },
]

/** What Prometheus makes of the alerts. */
export const ALERTS: Stage = {
  name: 'alerts',
  command: ['tools/promtool.ts'],
  fix: 'Mend the rule in observability/alerts, or its test in observability/tests; `node tools/promtool.ts` runs only this.',
}

/** The Helm chart: lint, schemas, golden files, refusals, its own unit tests. */
export const CHART: Stage = vitest('chart', ['--project', 'chart'])

/** The chart in a real Kubernetes, whose nodes are fake. */
export const CLUSTER: Stage = vitest('cluster', ['--project', 'cluster'])

/** The chart and the image on a real node: pods run, and clients talk to them. */
export const NODE: Stage = {
  ...vitest('node', ['--project', 'node']),
  command: ['tools/node/stage.ts', 'run', '--project', 'node'],
}

/** Tests that need no database, however it is embedded, and start no processes or threads of their own. */
export const UNIT: Stage = vitest('unit', ['--project', 'unit'])

export const EMBEDDED: Stage = vitest('embedded', ['--project', 'embedded'])

/** @param url of a server whose databases the tests may create and drop */
export function onPostgres(name: string, url: string, filters: readonly string[] = []): Stage {
  return { ...vitest(name, ['--project', 'postgres', ...filters]), env: { TEST_POSTGRES_URL: url } }
}

/** @param url of the server that PgBouncer stands in front of */
export function throughPgbouncer(url: string): Stage {
  return { ...vitest('pgbouncer', ['--project', 'pooler']), env: { TEST_POSTGRES_URL: url } }
}

/** @param env the database and the Python client that the tests may use, as far as the machine has them */
export function endToEnd(env: Readonly<Record<string, string>>): Stage {
  return { ...vitest('e2e', ['--project', 'e2e']), env }
}

function vitest(name: string, args: readonly string[]): Stage {
  return {
    name,
    command: ['vitest', 'run', ...args],
    fix: 'Each failure stands above; `npx vitest --project PROJECT FILE` runs one file again.',
    isVitest: true,
  }
}
