#!/usr/local/bin/node
/**
 * The `agentos` command of the image: the command line interface on the image's own Node, in one process. Before it serves,
 * it lays the compiled code of what agents run on where workers look for compiled code, so that the first one starts warm.
 * @module
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'

const MAIN = new URL('../src/cli/main.ts', import.meta.url)
const WARMED = new URL('../../../worker-cache', import.meta.url)

if (process.argv[2] === 'serve') {
  try {
    cpSync(WARMED, join(process.env['AGENTOS_DATA_DIR'] ?? '.agentos', 'compile-cache'), {
      recursive: true,
      force: false,
    })
  } catch (error) {
    // A directory that cannot be written is a matter that the server itself explains.
    if (/** @type {NodeJS.ErrnoException} */ (error).code === undefined) throw error
  }
}
await import(MAIN.href)
