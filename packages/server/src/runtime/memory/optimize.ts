/**
 * Many memories of a user made few: a model writes them down as one text.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { MAX_MEMORY_LENGTH } from '../../base/memory.ts'
import { textOf } from '../../base/message.ts'
import type { Model } from '../../models/model.ts'
import { callBeside, type SideDeps } from './side-call.ts'

const PROMPT = `You write many short notes about one user down as a single one, for an assistant that will read it before it talks to them.
- Keep every fact; say what is said twice once, and put together what belongs together.
- Where notes contradict each other, the later one counts.
- Add nothing, not even a guess. Write in the third person and in the language of the notes.
- At most ${MAX_MEMORY_LENGTH} characters. Answer with the text of the note and nothing else.`

/**
 * @param memories oldest first
 * @returns one memory in their place
 * @throws {AgentOSError} MODEL_BAD_ANSWER when the answer is no memory; what the model throws; the signal's reason
 */
export async function joinMemories(model: Model, memories: readonly string[], deps: SideDeps): Promise<string> {
  const stamp = () => ({ id: deps.ids.uuid(), createdAt: deps.clock.now() })
  const notes = memories.map((memory) => `- ${memory.replaceAll(/\s+/g, ' ')}`).join('\n')
  const content = `<notes>\n${notes}\n</notes>\n\nWrite these notes about the user down as one.`
  const messages = [
    { role: 'system', ...stamp(), content: PROMPT },
    { role: 'user', ...stamp(), content },
  ] as const
  const reply = await callBeside(model, { messages, tools: [], output: undefined }, deps)
  const joined = textOf(reply).trim()
  if (joined !== '' && joined.length <= MAX_MEMORY_LENGTH) return joined
  const { provider, id } = model.name
  const fault = joined === '' ? 'nothing' : `${joined.length} characters, and ${MAX_MEMORY_LENGTH} are the most`
  throw new AgentOSError('MODEL_BAD_ANSWER', `${provider}:${id} made ${fault} of ${memories.length} memories`)
}
