/**
 * Figures of one run of the bench, their ratio to what they are held against in the same run, and how that ratio compares
 * with the saved baseline: absolute times belong to a machine, ratios can be compared.
 * @module
 */
export type Figure = {
  /** Unique; begins with the scenario. */
  readonly name: string
  readonly unit: string
  readonly value: number
  /** The same of the limit program, or of what else bounds the figure, measured in the same run. */
  readonly limit?: number | undefined
  readonly better: 'less' | 'more'
}

/** Values by figure, with the limit when it has one. */
export type Baseline = Readonly<Record<string, { readonly value: number; readonly limit?: number | undefined }>>

/** Changes smaller than this factor are noise. */
const NOISE = 1.25

/** @param q 0 to 1 @returns NaN for no values */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** How many times the limit; undefined without one. */
function overLimit({ value, limit }: { value: number; limit?: number | undefined }): number | undefined {
  return limit === undefined || limit === 0 ? undefined : value / limit
}

/**
 * How many times worse than the baseline (below 1: better), by the ratio to the limit where both have one.
 * @returns undefined when the baseline lacks the figure
 */
export function worseThanBaseline(figure: Figure, baseline: Baseline): number | undefined {
  const before = baseline[figure.name]
  if (before === undefined) return undefined
  const [now, then] = [overLimit(figure), overLimit(before)]
  const [a, b] = now === undefined || then === undefined ? [figure.value, before.value] : [now, then]
  const grown = a === b ? 1 : a / b
  return figure.better === 'less' ? grown : 1 / grown
}

/** A table for a terminal. */
export function formatTable(figures: readonly Figure[], baseline: Baseline): string {
  const rows = figures.map((figure) => {
    const worse = worseThanBaseline(figure, baseline)
    const ratio = overLimit(figure)
    return [
      figure.name,
      `${round(figure.value)} ${figure.unit}`,
      figure.limit === undefined ? '' : round(figure.limit),
      ratio === undefined ? '' : `${round(ratio)}x`,
      worse === undefined ? '' : `${round(worse)}x${verdict(worse)}`,
    ]
  })
  const table = [['', 'measured', 'limit', 'over limit', 'over baseline'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return table.map((row) => line(row).trimEnd()).join('\n')
}

/** What is saved; figures of scenarios that did not run keep their values. */
export function toBaseline(figures: readonly Figure[], before: Baseline): Baseline {
  const entries = figures.map(({ name, value, limit }) => [
    name,
    limit === undefined ? { value: exact(value) } : { value: exact(value), limit: exact(limit) },
  ])
  return { ...before, ...Object.fromEntries(entries) }
}

function verdict(worse: number): string {
  if (worse > NOISE) return ' worse'
  return worse < 1 / NOISE ? ' better' : ''
}

function exact(value: number): number {
  return Number(value.toPrecision(4))
}

function round(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}
