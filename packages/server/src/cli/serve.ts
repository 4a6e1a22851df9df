/**
 * `agentos serve` and `agentos dev`: the server until a signal ends it.
 * @module
 */
import { DEMO_MODEL } from '../models/registry.ts'
import { type RunningServer, startServer } from '../main.ts'
import { agentsDirectory, openCommand } from './process.ts'

/** A folder on a laptop changes one save at a time; a deployment waits for the whole push. */
const DEV_DEFAULTS = { AGENTOS_RELOAD_DEBOUNCE_MS: '50' }

export async function serve(typed: string | undefined, { dev }: { readonly dev: boolean }): Promise<number> {
  const command = openCommand(dev ? DEV_DEFAULTS : {})
  const directory = agentsDirectory(command, typed)
  const ended = Promise.withResolvers<number>()
  const stopped = new AbortController()
  let server: RunningServer | undefined

  const onSignal = (signal: NodeJS.Signals) => {
    // A second signal ends the wait for runs; a third is the operating system's business.
    if (stopped.signal.aborted) process.once(signal, () => process.exit(1))
    stopped.abort()
    if (server === undefined) process.exit(0)
    void server.stop().then(
      () => ended.resolve(0),
      (error: unknown) => ended.reject(error),
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    server = await startServer(
      { config: command.config, agentsDirectory: directory, workingDirectory: command.workingDirectory },
      command.deps,
    )
    console.log(banner(server, directory))
    return await ended.promise
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

function banner({ url, registry, database, defaultModel }: RunningServer, directory: string): string {
  const { agents } = registry.current()?.manifest ?? { agents: [] }
  const { error } = registry.status()
  const lines = [
    '',
    `  AgentOS is at ${url}`,
    '',
    `  agents    ${directory}`,
    ...agents.map((agent) => `            ${agent.id.padEnd(16)} ${agent.description ?? ''}`.trimEnd()),
    ...(error === null ? [] : [`            ${error.replaceAll('\n', '\n            ')}`]),
    `  model     ${defaultModel}${defaultModel === DEMO_MODEL ? ' (offline; set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL for a real one)' : ''}`,
    `  database  ${database === 'embedded' ? 'embedded PostgreSQL (set POSTGRES_URL for your own)' : 'PostgreSQL'}`,
    `  docs      ${url}/docs`,
  ]
  const first = agents.find(({ id }) => id === 'assistant') ?? agents[0]
  if (first !== undefined) {
    const message = first.quickPrompts[0] ?? 'Hello'
    lines.push(
      '',
      '  Try it:',
      '',
      `    curl -N -F 'message=${message.replaceAll("'", '')}' ${url}/agents/${first.id}/runs`,
    )
  }
  return `${lines.join('\n')}\n`
}
