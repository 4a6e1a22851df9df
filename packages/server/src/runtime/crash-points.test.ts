import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Message } from '../base/message.ts'
import {
  callsOf,
  EFFECTS,
  findFault,
  GATES,
  prepareWorldAgent,
  runInWorld,
  type Script,
  type ScriptedCall,
  type WorldRun,
} from './test-world.ts'

const scripts: fc.Arbitrary<Script> = fc.record({
  steps: fc.array(
    fc.array(
      fc.record<ScriptedCall>({
        effect: fc.constantFrom(...EFFECTS),
        gate: fc.constantFrom(...GATES, 'free', 'free', 'confirmed'),
        confirmed: fc.boolean(),
        again: fc.boolean(),
        changesState: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    { maxLength: 3 },
  ),
  handOvers: fc.uniqueArray(fc.nat(6), { maxLength: 2 }),
})

const agent = await prepareWorldAgent()

/** What of a message does not depend on when and where it was made. */
function essence(message: Message): unknown {
  switch (message.role) {
    case 'assistant':
      return message.parts
    case 'tool': {
      const { toolCallId, input, content, isError } = message
      return { toolCallId, input, content, isError }
    }
    default:
      return { role: message.role, content: message.content }
  }
}

/** What must hold for a run whatever happened to it, measured by `calm`, the run to which nothing happened. */
function check(script: Script, run: WorldRun, calm: WorldRun): void {
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: calm.result.content })
  expect(run.result.metrics.usage).toEqual(calm.result.metrics.usage)
  expect(findFault(run.journal)).toBeUndefined()
  expect(run.attempts).toBeLessThanOrEqual(1 + run.crashes + run.pauses + script.handOvers.length)
  for (const [id, call] of callsOf(script)) {
    const keys = run.effects.get(id) ?? []
    expect(new Set(keys).size).toBeLessThanOrEqual(1)
    if (keys[0] !== undefined) expect(keys[0]).toBe(`run-1:${id}`)
    if (!mayRun(call)) expect(keys).toEqual([])
    if (call.effect !== 'once') continue
    const asked = run.confirmations.get(id) ?? 0
    const freely = call.gate === 'free' || (call.gate === 'sometimes' && !isAsked(call)) ? 1 : 0
    expect(keys.length).toBeLessThanOrEqual(asked + freely)
    expect(run.unknown.has(id) && run.crashes === 0).toBe(false)
  }
  const reported = reportedOf(script, run)
  expect(essencesOf(run, reported)).toEqual(essencesOf(calm, reported))
  expect(without(run.sessionState, reported)).toEqual(without(calm.sessionState, reported))
}

const isAsked = ({ confirmed, again }: ScriptedCall) => !confirmed || again

function mayRun(call: ScriptedCall): boolean {
  if (call.gate === 'elsewhere' || call.gate === 'asked') return false
  if (call.gate === 'confirmed') return call.confirmed
  // A person who says that an unknown call may run again overrules nothing: nobody had rejected it.
  return call.gate !== 'sometimes' || call.confirmed || (call.again && call.effect === 'once')
}

/** Calls whose result a person has made up. */
function reportedOf(script: Script, { unknown }: WorldRun): ReadonlySet<string> {
  const calls = new Map(callsOf(script))
  return new Set([...unknown].filter((id) => calls.get(id)?.again === false || calls.get(id)?.gate === 'sometimes'))
}

/** Results of one step by their calls: those that somebody was asked about come later. */
function essencesOf(run: WorldRun, reported: ReadonlySet<string>): readonly unknown[] {
  const rank = (message: Message) => (message.role === 'tool' ? message.toolCallId : '')
  let step = 0
  return run.journal
    .map((message) => ({ message, step: message.role === 'tool' ? step + 0.5 : (step += 1) }))
    .toSorted((a, b) => a.step - b.step || rank(a.message).localeCompare(rank(b.message)))
    .map(({ message }) => {
      const decided = message.role === 'tool' && reported.has(message.toolCallId)
      return decided ? { toolCallId: message.toolCallId } : essence(message)
    })
}

/** A state without the calls in `ids`, and without what all calls that change it have in common. */
function without(state: WorldRun['sessionState'], ids: ReadonlySet<string>): unknown {
  return Object.fromEntries(
    Object.entries(state).filter(([key]) => !ids.has(key) && (ids.size === 0 || key !== 'gone')),
  )
}

test('property: a crash at any one point loses nothing and doubles nothing', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const calm = await runInWorld(agent, { ...script, handOvers: [] }, [])
      const undisturbed = await runInWorld(agent, script, [])
      check(script, undisturbed, calm)
      // Pauses and hand-overs make several attempts of a run, each with its own points.
      for (let attempt = 0; attempt < undisturbed.attempts; attempt++) {
        for (let point = 0; ; point++) {
          const run = await runInWorld(agent, script, [...new Array<number>(attempt).fill(Infinity), point])
          check(script, run, calm)
          if (run.crashes === 0) break
        }
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)

test('property: crashes after crashes lose nothing and double nothing', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.array(fc.nat(60), { maxLength: 8 }), async (script, crashes) => {
      const calm = await runInWorld(agent, { ...script, handOvers: [] }, [])
      check(script, await runInWorld(agent, script, crashes), calm)
    }),
    { numRuns: 400 },
  )
}, 60_000)
