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

/** What a run has done that no run may do, whatever happened to it; empty when it is well. */
function violationsOf(script: Script, run: WorldRun): readonly string[] {
  const most = 1 + run.crashes + run.pauses + script.handOvers.length
  const fault = findFault(run.journal)
  const violations = callsOf(script).flatMap(([id, call]) => misdeedsOf(id, call, run))
  if (fault !== undefined) violations.push(fault)
  if (run.attempts > most) violations.push(`it took ${run.attempts} attempts where ${most} are enough`)
  return violations
}

function misdeedsOf(id: string, call: ScriptedCall, run: WorldRun): string[] {
  const keys = run.effects.get(id) ?? []
  const misdeeds: string[] = []
  const strange = keys.find((key) => key !== `run-1:${id}`)
  if (strange !== undefined) misdeeds.push(`${id} ran with key ${strange}`)
  if (!mayRun(call) && keys.length > 0) misdeeds.push(`${id} ran although nobody let it`)
  if (call.effect !== 'once') return misdeeds
  const isFree = call.gate === 'free' || (call.gate === 'sometimes' && !isAsked(call))
  const most = (run.confirmations.get(id) ?? 0) + (isFree ? 1 : 0)
  if (keys.length > most) misdeeds.push(`${id} ran ${keys.length} times where ${most} are allowed`)
  if (run.unknown.has(id) && run.crashes === 0) misdeeds.push(`the outcome of ${id} was unknown without a crash`)
  return misdeeds
}

/** What a run comes to, without what a person has made up. */
function outcomeOf(run: WorldRun, reported: ReadonlySet<string>): unknown {
  const { status, content, metrics } = run.result
  const sessionState = without(run.sessionState, reported)
  return { status, content, usage: metrics.usage, sessionState, transcript: essencesOf(run, reported) }
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
  expect.hasAssertions()
  const check = (script: Script, run: WorldRun, calm: WorldRun) => {
    const reported = reportedOf(script, run)
    expect(violationsOf(script, run)).toEqual([])
    expect(outcomeOf(run, reported)).toEqual(outcomeOf(calm, reported))
  }
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const calm = await runInWorld(agent, { ...script, handOvers: [] }, [])
      const undisturbed = await runInWorld(agent, script, [])
      check(script, undisturbed, calm)
      // Pauses and hand-overs make several attempts of a run, each with its own points.
      for (let attempt = 0; attempt < undisturbed.attempts; attempt++) {
        const alive = Array.from({ length: attempt }, () => Infinity)
        for (let point = 0; ; point++) {
          const run = await runInWorld(agent, script, [...alive, point])
          check(script, run, calm)
          if (run.crashes === 0) break
        }
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)

test('property: crashes after crashes lose nothing and double nothing', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(scripts, fc.array(fc.nat(60), { maxLength: 8 }), async (script, crashes) => {
      const calm = await runInWorld(agent, { ...script, handOvers: [] }, [])
      const run = await runInWorld(agent, script, crashes)
      const reported = reportedOf(script, run)
      expect(violationsOf(script, run)).toEqual([])
      expect(outcomeOf(run, reported)).toEqual(outcomeOf(calm, reported))
    }),
    { numRuns: 400 },
  )
}, 60_000)
