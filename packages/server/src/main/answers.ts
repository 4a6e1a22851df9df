/**
 * Who answers what runs ask for: each part of the server adds the kinds it knows, once it is open. The registry is there
 * before the database is, so the parts come later than the one they answer to.
 * @module
 */
import type { Answer, AnswerAsk, AskKind, Question } from '../base/ask.ts'
import { AgentOSError } from '../base/errors.ts'
import type { RunJob } from '../base/run.ts'

/** The run that asks. */
export type Asker = Pick<RunJob, 'runId' | 'sessionId' | 'userId' | 'agentId'>

export type Answerers = {
  readonly [K in AskKind]?: (asker: Asker, question: Question<K>) => Promise<Answer<K>>
}

export type Answers = {
  readonly answerAsk: AnswerAsk
  /** @throws {TypeError} for a kind that somebody answers already */
  readonly add: (answerers: Answerers) => void
}

export function createAnswers(): Answers {
  let known: Answerers = {}
  return {
    answerAsk: (asker, kind, question) => {
      const answer = known[kind]
      if (answer === undefined)
        return Promise.reject(new AgentOSError('NOT_SUPPORTED', `Nobody answers "${kind}" here`))
      return answer(asker, question)
    },
    add(answerers) {
      const twice = Object.keys(answerers).find((kind) => Object.hasOwn(known, kind))
      if (twice !== undefined) throw new TypeError(`"${twice}" has an answer already`)
      known = { ...known, ...answerers }
    },
  }
}
