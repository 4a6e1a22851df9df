/**
 * The agents folders of the bench.
 * @module
 */
import { createFolder, type Files, type Folder } from '../e2e/agents-folder.ts'

/** Agents of an idle server. */
const MANY = 50

/** One agent with one tool that answers at once. */
function agentFile(id: string, answer = 'clear'): string {
  return `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const lookUp = tool({
  name: 'look_up', description: 'Looks a city up', input: z.object({ city: z.string() }), effect: 'read',
  run: ({ city }) => ({ city, sky: '${answer}' }),
})
export default agent({ id: '${id}', name: '${id}', instructions: 'Answer.', tools: [lookUp] })
`
}

export function createManyAgents(): Promise<Folder> {
  const files: Record<string, string> = {}
  for (let index = 0; index < MANY; index++) files[`agent-${index}.ts`] = agentFile(`agent-${index}`)
  return createFolder(files)
}

export function oneAgent(answer: string): Files {
  return { 'agent-0.ts': agentFile('agent-0', answer) }
}

/** The run route that every scenario uses. */
export function runRoute(url: string): string {
  return `${url}/agents/agent-0/runs`
}
