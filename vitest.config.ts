/**
 * Test projects:
 * - `unit`: what stands beside its source in packages and tools and needs neither a database nor a process of its own.
 * - `embedded`: the suites named `*.db.test.ts`, on the embedded engine, and those named `*.process.test.ts`, which start
 *   threads or processes.
 * - `postgres`: the same `*.db.test.ts` suites on a real PostgreSQL, and `*.pg.test.ts`, which only it can run. The
 *   server is the one of TEST_POSTGRES_URL, or one started for the run.
 * - `pooler`: what storage and runs ask of a database, through PgBouncer, and `*.pooler.test.ts`, which only it can run.
 *   TEST_POSTGRES_URL goes through it when TEST_POSTGRES_RAW_URL goes past it; else a PgBouncer is started for the run.
 * - `chart`: the Helm chart through the real Helm, `*.chart.test.ts`; they install the commands that they need.
 * - `cluster`: the chart in a real Kubernetes with fake nodes, `*.cluster.test.ts`, all in one that is started for the run.
 * - `e2e`: the running server from outside.
 * - `node`: the chart and the image on a real Kubernetes node, `*.node.test.ts`; by `node tools/node/stage.ts`.
 * A suite that needs a database asks `inject('engine')` for its engine and `inject('postgresUrl')` for the URL; what only
 * works on a connection of one's own takes `inject('postgresRawUrl')`.
 * @module
 */
import { defineConfig } from 'vitest/config'

declare module 'vitest' {
  interface ProvidedContext {
    engine: 'embedded' | 'postgres'
    /** A superuser's URL; empty where the engine is `embedded`. */
    postgresUrl: string
    /** The same server without a pooler in between; equal to `postgresUrl` where there is none. */
    postgresRawUrl: string
    /** Administrator's kubeconfig of the cluster. Only in the project `cluster`. */
    kubeconfig: string
    /** Where psql is; empty where this machine cannot have the one for tests. Only in the project `postgres`. */
    psqlFolder: string
    /** A cluster with one real node. Only in the project `node`. */
    node: {
      /** Paths of the administrator's kubeconfig, of the program that is kubectl by its first argument, and of Helm. */
      readonly kubeconfig: string
      readonly kube: string
      readonly helm: string
      /** A superuser's URL, from pods too. */
      readonly postgresUrl: string
      /** The server's image, and the control group that all containers are in. */
      readonly image: { readonly file: string; readonly name: string }
      readonly cgroup: string
    }
  }
}

const NO_TESTS = ['**/node_modules/**', '**/fixtures/**']
const leakedHandles = './tools/vitest/leaked-handles.ts'

/** Files one after the other in one process: nothing keeps state in its modules, and importing them takes longer than testing. */
const sharedProcesses = { isolate: false }

export default defineConfig({
  test: {
    // Node runs the sources and the tests as it runs the server; nothing is bundled or rewritten.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    exclude: NO_TESTS,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          ...sharedProcesses,
          include: ['packages/**/*.test.ts', 'tools/**/*.test.ts'],
          // The template's test belongs to the folder that `agentos init` makes, and runs there.
          exclude: [...NO_TESTS, '**/*.{chart,cluster,db,pg,pooler,process}.test.ts', 'packages/server/template/**'],
          setupFiles: [leakedHandles],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'embedded',
          ...sharedProcesses,
          include: ['packages/**/*.{db,process}.test.ts', 'tools/**/*.process.test.ts'],
          setupFiles: [leakedHandles],
          provide: { engine: 'embedded', postgresUrl: '', postgresRawUrl: '' },
          testTimeout: 20_000,
          hookTimeout: 40_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          ...sharedProcesses,
          include: ['packages/**/*.{db,pg}.test.ts', 'tools/**/*.pg.test.ts'],
          globalSetup: ['./tools/vitest/provide-postgres.ts'],
          setupFiles: [leakedHandles],
          provide: { engine: 'postgres' },
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'pooler',
          ...sharedProcesses,
          include: ['packages/server/src/{storage,runs}/**/*.{db,pg,pooler}.test.ts', 'tools/**/*.pooler.test.ts'],
          // About connections of one's own.
          exclude: [
            ...NO_TESTS,
            'packages/server/src/storage/postgres/engine.pg.test.ts',
            'packages/server/src/storage/set-up/*.test.ts',
          ],
          globalSetup: ['./tools/vitest/provide-pooler.ts'],
          setupFiles: [leakedHandles],
          provide: { engine: 'postgres' },
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chart',
          ...sharedProcesses,
          include: ['tools/**/*.chart.test.ts'],
          setupFiles: [leakedHandles],
          // Helm is a process that waits for the processor, not for others.
          maxConcurrency: 2,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          ...sharedProcesses,
          include: ['tools/**/*.cluster.test.ts'],
          globalSetup: ['./tools/vitest/provide-cluster.ts'],
          setupFiles: [leakedHandles],
          maxConcurrency: 3,
          // Clusters take their time on a machine that does more than this.
          testTimeout: 400_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          ...sharedProcesses,
          include: ['e2e/**/*.test.ts'],
          exclude: [...NO_TESTS, '**/*.node.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'node',
          include: ['e2e/node/*.node.test.ts'],
          globalSetup: ['./tools/vitest/provide-node.ts'],
          // Pods that start wait more than they work, and each file has a namespace and a database of its own.
          maxWorkers: 3,
          // Pods take their time on a machine that does more than this.
          testTimeout: 400_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
