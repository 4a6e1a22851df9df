/**
 * Clients that run an agent over and over while its revisions are replaced, and look at every answer.
 * @module
 */
import { toolAgentSource } from './agents-folder.ts'
import { postRun } from './stream.ts'

/** Asks the fake provider for a call of the tool, then for some tokens. */
export const ACT = '[fake:tool=act,tokens=5,rate=500]'

/** Source of agent `worker`, whose tool answers `word`. */
export function workerSource(word: string): string {
  return toolAgentSource('worker', `return '${word}'`)
}

export type Load = {
  /** What was wrong with an answer, one sentence each. */
  readonly failures: readonly string[]
  /** Answers by revision. */
  readonly served: ReadonlyMap<string, number>
  /** Lets the runs in flight end. */
  readonly stop: () => Promise<void>
}

/**
 * Three clients, two of which read streams, until they are stopped.
 * @param words what the tool of each published revision answers, by revision
 */
export function startLoad(url: string, words: ReadonlyMap<string, string>): Load {
  let running = true
  const failures: string[] = []
  const served = new Map<string, number>()
  const repeat = async (stream: boolean) => {
    while (running) {
      const failure = await runOnce(url, stream, words, served).catch(String)
      if (failure !== undefined) failures.push(failure)
    }
  }
  const clients = [repeat(true), repeat(true), repeat(false)]
  return {
    failures,
    served,
    stop: async () => {
      running = false
      await Promise.all(clients)
    },
  }
}

/** @returns what is wrong with the answer */
async function runOnce(
  url: string,
  stream: boolean,
  words: ReadonlyMap<string, string>,
  served: Map<string, number>,
): Promise<string | undefined> {
  const response = await postRun(url, 'worker', { message: ACT, stream: String(stream) })
  const body = await response.text()
  const revision = response.headers.get('x-agentos-revision') ?? ''
  served.set(revision, (served.get(revision) ?? 0) + 1)
  if (response.status !== 200) return `${response.status} ${body}`
  const word = words.get(revision)
  if (word === undefined) return `revision ${revision} was never published`
  // The tool says which revision's code ran.
  if (!body.includes(`"result":"${word}"`)) return `revision ${revision} ran other code: ${body}`
  const completed = stream ? body.includes('event: RunCompleted\n') : body.includes('"status":"COMPLETED"')
  return completed ? undefined : body
}
