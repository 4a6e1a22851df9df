/**
 * Preloaded into the processes of `agentos test`: the hooks of the loader, and the implementation of
 * `@agentos/sdk/testing`.
 * @module
 */
import { installHooks } from '../loader/hooks.ts'
import { processEnvironment } from '../config/load.ts'

const directory = processEnvironment()['AGENTOS_TEST_DIRECTORY']
if (directory === undefined) throw new Error('test-preload.ts runs under `agentos test`')
installHooks({
  directory,
  root: directory,
  origin: directory,
  mayLeave: true,
  testing: new URL('../testing/index.ts', import.meta.url),
})
