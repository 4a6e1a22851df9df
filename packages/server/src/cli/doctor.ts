/**
 * `agentos doctor [DIR]`: what the server would find here, and what is wrong with it; with `--url`, how a server does that
 * runs. Changes nothing.
 * @module
 */
import { resolve } from 'node:path'
import { createIds } from '../base/ids.ts'
import { examine } from './doctor/examine.ts'
import type { DoctorReport } from './doctor/report.ts'
import { examineServer } from './doctor/server.ts'
import { describeServer } from './doctor/server-text.ts'
import { describeReport } from './doctor/text.ts'
import { EXAMPLES, openCommand } from './process.ts'

export type DoctorOptions = {
  readonly json: boolean
  /** A running server to look at instead. */
  readonly url: string | undefined
}

/** @returns 1 when something is wrong, else 0 */
export async function doctor(typed: string | undefined, { json, url }: DoctorOptions): Promise<number> {
  const { config, deps, workingDirectory } = openCommand()
  if (url !== undefined) {
    const report = await examineServer(url, config.settings.OS_SECURITY_KEY, deps.redact)
    console.log(json ? JSON.stringify(report, null, 2) : describeServer(report))
    return report.problems.length === 0 ? 0 : 1
  }
  const named = typed ?? config.settings.AGENTOS_AGENTS_DIR
  const agentsDirectory = named === undefined ? EXAMPLES : resolve(workingDirectory, named)
  const report = await examine({ config, agentsDirectory, workingDirectory }, { ...deps, ids: createIds(deps.clock) })
  console.log(json ? JSON.stringify(toWire(report), null, 2) : describeReport(report, deps.clock.now()))
  return report.problems.length === 0 ? 0 : 1
}

/** Its keys are written as all others that leave the server. */
function toWire(report: DoctorReport): unknown {
  return JSON.parse(JSON.stringify(report), (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), item]))
  })
}

/** Names of statuses stay as they are. */
function snakeCase(key: string): string {
  return key.replace(/[a-z][A-Z]/g, ([first = '', second = '']) => `${first}_${second.toLowerCase()}`)
}
