#!/usr/bin/env node
/**
 * The `agentos` command: hands over to the command line interface on a Node that can run it.
 * @module
 */
import { runNode } from './run-node.js'

try {
  runNode(new URL('../src/cli/main.ts', import.meta.url), process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
