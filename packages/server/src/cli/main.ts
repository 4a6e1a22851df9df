/**
 * The `agentos` command. Reads the command line, picks the command, turns failures into one clear message and an exit
 * code: 0 done, 1 failed, 2 wrong usage or settings.
 * @module
 */
import { parseArgs } from 'node:util'
import { AgentOSError } from '../base/errors.ts'
import { createRedact } from '../base/redact.ts'
import { VERSION } from '../config/version.ts'
import { check } from './check.ts'
import { initDatabase } from './db-init.ts'
import { doctor, type DoctorOptions } from './doctor.ts'
import { init } from './init.ts'
import { migrateOnly } from './migrate.ts'
import { privacy, PRIVACY_ACTIONS } from './privacy.ts'
import { serve } from './serve.ts'
import { runTests } from './test.ts'

const USAGE = `agentos ${VERSION}: serves a folder of agents

  agentos serve [DIR]   serve the agents of DIR (default AGENTOS_AGENTS_DIR, else the examples)
  agentos dev [DIR]     the same while you edit: changes load at once, errors show their code
  agentos check DIR     load DIR and report every file, for your own CI
  agentos init DIR      make a folder of agents: an agent with a tool, a test, editor types
  agentos test [DIR]    run the tests of DIR against scripted models, without a server
  agentos migrate       bring the database schema up to date, then end
  agentos db-init       make database, user, schemas and extensions in a PostgreSQL that an admin opens
  agentos privacy export|erase USER_ID
                        all that is held of a user as lines of JSON, or erase it
  agentos doctor [DIR]  look at settings, ports, collectors, database, queue and replicas; with --url URL at a
                        running server; --json for programs

Settings are environment variables; docs/reference/configuration.md lists them.`

type Command = (directory: string | undefined, options: DoctorOptions) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: (directory) => serve(directory, { dev: false }),
  dev: (directory) => serve(directory, { dev: true }),
  check,
  init,
  test: runTests,
  migrate: migrateOnly,
  'db-init': initDatabase,
  doctor,
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      json: { type: 'boolean' },
      url: { type: 'string' },
    },
  })
  const [name, directory, ...rest] = positionals
  if (values.version) return print(VERSION)
  if (values.help || name === undefined || name === 'help') return print(USAGE)
  if (name === 'privacy') {
    const action = PRIVACY_ACTIONS.find((known) => known === directory)
    const [userId, ...more] = rest
    if (action !== undefined && userId !== undefined && more.length === 0) return privacy(action, userId)
    return refuse('privacy takes export or erase, and the id of a user.')
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) return refuse(`Unknown command "${name}".`)
  if (rest.length > 0) return refuse(`${name} takes one folder, got ${[directory, ...rest].join(', ')}.`)
  const { json = false, url } = values
  if (json && command !== doctor) return refuse(`${name} has no --json.`)
  if (url !== undefined && command !== doctor) return refuse(`${name} has no --url.`)
  if (url !== undefined && !URL.canParse(url)) return refuse(`--url takes an address as http://host:8000, got ${url}.`)
  return command(directory, { json, url })
}

function print(text: string): number {
  console.log(text)
  return 0
}

function refuse(message: string): number {
  console.error(`${message}\n\n${USAGE}`)
  return 2
}

/** What a person at a terminal needs: the sentence and the next step; a stack only for what nobody foresaw. */
function explain(error: unknown): string {
  const redact = createRedact([])
  if (error instanceof AgentOSError) return redact(`${error.message}\n${error.next}`)
  if (!(error instanceof Error)) return redact(String(error))
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return `${error.message}\nSet AGENTOS_PORT to a free port (0 picks one), or stop the other server.`
  if (code?.startsWith('ERR_PARSE_ARGS')) return `${error.message}\n\n${USAGE}`
  return redact(code === undefined ? (error.stack ?? error.message) : error.message)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(explain(error))
  process.exitCode = error instanceof AgentOSError && error.code === 'CONFIG_INVALID' ? 2 : 1
}
