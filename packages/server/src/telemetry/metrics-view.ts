/**
 * Metrics as plain data, for `GET /api/metrics`.
 * @module
 */
import type { Collected } from './metrics-instruments.ts'

export type MetricView = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly description: string
  readonly points: readonly PointView[]
}

export type PointView = {
  readonly attributes: Readonly<Record<string, string | number>>
  /** The present value; of a histogram there are the others. */
  readonly value?: number
  readonly count?: number
  readonly sum?: number
  readonly min?: number
  readonly max?: number
}

/** Metrics by name; those without a value are left out. */
export function viewMetrics({ scopeMetrics }: Collected): MetricView[] {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics)
  return metrics
    .filter(({ dataPoints }) => dataPoints.length > 0)
    .map((metric) => ({
      name: metric.descriptor.name,
      type: typeOf(metric),
      unit: metric.descriptor.unit,
      description: metric.descriptor.description,
      points: metric.dataPoints.map(viewPoint),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

type MetricData = Collected['scopeMetrics'][number]['metrics'][number]

function typeOf(metric: MetricData): MetricView['type'] {
  if ('isMonotonic' in metric) return metric.isMonotonic ? 'counter' : 'gauge'
  return typeof metric.dataPoints[0]?.value === 'object' ? 'histogram' : 'gauge'
}

function viewPoint({ attributes, value }: MetricData['dataPoints'][number]): PointView {
  // Our attributes are texts and numbers (metrics-table.ts), and the overflow mark of the SDK.
  const named = Object.fromEntries(Object.entries(attributes).map(([name, given]) => [name, given as string | number]))
  if (typeof value === 'number') return { attributes: named, value }
  const { count, sum, min, max } = value
  return { attributes: named, count, ...(sum !== undefined && { sum }), ...(count > 0 && { ...ends(min, max) }) }
}

function ends(min: number | undefined, max: number | undefined): Pick<PointView, 'min' | 'max'> {
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
}
