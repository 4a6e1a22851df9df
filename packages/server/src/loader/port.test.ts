import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { NO_USAGE } from '../base/usage.ts'
import type { RunResult, StepEvent } from '../base/run.ts'
import { createWorkerPort } from './port.ts'
import { CREDIT_EVENTS, type FromWorker, type ToWorker } from './protocol.ts'
import { until } from './test-folder.ts'

const event = (at: number): StepEvent => ({ type: 'content', at, text: 'x' })
const DONE: RunResult = {
  status: 'COMPLETED',
  content: '',
  contentType: 'str',
  reasoning: '',
  model: { provider: 'p', id: 'm' },
  metrics: { usage: NO_USAGE, durationMs: 0 },
  statePatch: { set: {}, unset: [] },
  uncommitted: [],
}

/** A worker's port with the main thread's end in the test's hands. */
function openPort() {
  const { port1, port2 } = new MessageChannel()
  const received: FromWorker[] = []
  port1.on('message', (message: FromWorker) => received.push(message))
  return {
    port: createWorkerPort(port2),
    received,
    send: (message: ToWorker) => port1.postMessage(message),
    [Symbol.dispose]: () => {
      port1.close()
      port2.close()
    },
  }
}

describe('events', () => {
  test('those of one turn leave in one message, by run and in order', async () => {
    using main = openPort()
    main.port.emit('a', event(1))
    main.port.emit('b', event(2))
    main.port.emit('a', event(3))
    await until(() => main.received.length > 0)
    main.port.emit('a', event(4))
    await until(() => main.received.length > 1)
    expect(main.received).toEqual([
      {
        type: 'events',
        batch: [
          { runId: 'a', events: [event(1), event(3)] },
          { runId: 'b', events: [event(2)] },
        ],
      },
      { type: 'events', batch: [{ runId: 'a', events: [event(4)] }] },
    ])
  })

  test('leave before the commit and before the result that follow them', async () => {
    using main = openPort()
    main.port.emit('a', event(1))
    void main.port.commit('a', [])
    main.port.emit('a', event(2))
    main.port.done('a', DONE)
    await until(() => main.received.length === 4)
    expect(main.received.map(({ type }) => type)).toEqual(['events', 'commit', 'events', 'done'])
  })

  test('wait for credit once it is used up, and go on when it is back', async () => {
    using main = openPort()
    for (let at = 0; at < CREDIT_EVENTS - 1; at++) main.port.emit('a', event(at))
    expect(main.port.ready()).toBe(undefined)
    main.port.emit('a', event(0))
    let isReady = false
    const waiting = Promise.all([main.port.ready(), main.port.ready()]).then(() => (isReady = true))
    await nextTurn()
    expect(isReady).toBe(false)
    main.send({ type: 'credit', events: 1 })
    await waiting
    expect(main.port.ready()).toBe(undefined)
  })
})

describe('commits', () => {
  test('each resolves with its own answer, in any order', async () => {
    using main = openPort()
    const order: string[] = []
    const first = main.port.commit('a', []).then(() => order.push('first'))
    const second = main.port.commit('b', []).then(() => order.push('second'))
    await until(() => main.received.length === 2)
    main.send({ type: 'committed', commitId: 1 })
    main.send({ type: 'committed', commitId: 0 })
    main.send({ type: 'committed', commitId: 7 })
    await Promise.all([first, second])
    expect(order).toEqual(['second', 'first'])
  })

  test('one takes the state along that it is given', async () => {
    using main = openPort()
    const statePatch = { set: { a: 1 }, unset: ['b'] }
    void main.port.commit('a', [], statePatch)
    void main.port.commit('a', [])
    await until(() => main.received.length === 2)
    expect(main.received).toMatchObject([{ statePatch }, { statePatch: undefined }])
  })

  test('one that failed rejects with the reason', async () => {
    using main = openPort()
    const commit = main.port.commit('a', [])
    await until(() => main.received.length === 1)
    main.send({ type: 'commit-failed', commitId: 0, message: 'the lease is lost' })
    await expect(commit).rejects.toThrow('the lease is lost')
  })
})

test('a hand-over reaches the run that it names', async () => {
  using main = openPort()
  const asked: string[] = []
  main.port.onHandOver((runId) => asked.push(runId))
  main.send({ type: 'hand-over', runId: 'a' })
  await until(() => asked.length === 1)
  expect(asked).toEqual(['a'])
})

test('pings are answered, with the credit that is left', async () => {
  using main = openPort()
  main.port.emit('a', event(0))
  main.send({ type: 'ping', id: 3 })
  await until(() => main.received.length === 2)
  expect(main.received).toContainEqual({ type: 'pong', id: 3, credit: CREDIT_EVENTS - 1 })
})
