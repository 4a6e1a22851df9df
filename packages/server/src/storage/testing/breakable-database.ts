/**
 * A test database that a replica can lose sight of, while others still see it.
 * @module
 */
import type { KyselyPlugin } from 'kysely'
import { unavailable } from '../failure.ts'
import type { TestDatabase } from './database.ts'

export type BreakableDatabase = Pick<TestDatabase, 'db' | 'background' | 'notifications'> & {
  /** From now on no statement arrives. */
  readonly lose: () => void
  /** From now on every statement is refused, for a reason that waiting does not mend. */
  readonly refuse: () => void
  /** From now on statements are carried out, and nobody hears of it. */
  readonly loseAnswers: () => void
  /** From now on answers wait for {@link mend}; those of statements that mention `text`, where it is given. */
  readonly delayAnswers: (text?: string) => void
  readonly mend: () => void
  /** Refuses the next `count` statements that mention `text`. */
  readonly refuseSome: (text: string, count: number) => void
}

export function breakable({ db, background, notifications }: TestDatabase): BreakableDatabase {
  let state: 'whole' | 'lost' | 'refused' | 'mute' | 'slow' = 'whole'
  let mended = Promise.withResolvers<void>()
  const refused = { text: '', count: 0 }
  let delayed = ''
  const isDelayed = new WeakMap<object, boolean>()
  const turn = (next: typeof state) => {
    state = next
    mended.resolve()
    mended = Promise.withResolvers()
  }
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      isDelayed.set(queryId, state === 'slow' && JSON.stringify(node).includes(delayed))
      if (state === 'lost') throw unavailable('The test took the database away')
      const isRefused = refused.count > 0 && JSON.stringify(node).includes(refused.text)
      if (isRefused) refused.count--
      if (state === 'refused' || isRefused) throw new Error('The test refused the statement')
      return node
    },
    async transformResult({ result, queryId }) {
      if (isDelayed.get(queryId) === true) await mended.promise
      if (state === 'lost' || state === 'mute') throw unavailable('The test took the answer away')
      return result
    },
  }
  return {
    db: db.withPlugin(plugin),
    background: background.withPlugin(plugin),
    notifications,
    lose: () => turn('lost'),
    refuse: () => turn('refused'),
    loseAnswers: () => turn('mute'),
    delayAnswers(text = '') {
      delayed = text
      turn('slow')
    },
    mend: () => turn('whole'),
    refuseSome: (text, count) => void Object.assign(refused, { text, count }),
  }
}
