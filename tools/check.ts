/**
 * The quick checks: everything that needs no database and no running server.
 *
 *   npm run check                          all of them
 *   node tools/check.ts STAGE...           only these
 *   node tools/check.ts --fix format|lint  mend what can be mended
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { runStage } from './run-stage.ts'
import { UNIT, STATIC_STAGES, type Stage } from './stages.ts'
import { summarize } from './summary.ts'

/** What replaces a stage's arguments under `--fix`. */
const FIXES: Readonly<Record<string, readonly string[]>> = { format: [], lint: ['--fix'] }

/**
 * Two at a time fill the two cores of a small machine.
 * @returns in the order of `stages`
 */
export async function runSideBySide(stages: readonly Stage[]) {
  const queue = stages.entries()
  const results = new Map<number, Awaited<ReturnType<typeof runStage>>>()
  const lane = async () => {
    for (const [index, stage] of queue) results.set(index, await runStage(stage, 'at-end'))
  }
  await Promise.all([lane(), lane()])
  return stages.flatMap((_, index) => results.get(index) ?? [])
}

function chooseStages(names: readonly string[], isFixing: boolean): Stage[] {
  // The longest first, or the second core would wait for it in the end.
  const all = [UNIT, ...STATIC_STAGES]
  const unknown = names.filter((name) => !all.some((stage) => stage.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `There is no check named ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join(', ')}.`,
    )
  }
  const chosen = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  if (!isFixing) return chosen
  return chosen.flatMap((stage) => {
    const fix = FIXES[stage.name]
    return fix ? [{ ...stage, command: [stage.command[0], ...fix] as const }] : []
  })
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ options: { fix: { type: 'boolean' } }, allowPositionals: true })
  const results = await runSideBySide(chooseStages(positionals, values.fix ?? false))
  const { text, exitCode } = summarize(results, [], false)
  console.log(`\n${text}`)
  process.exitCode = exitCode
}
