/**
 * The instruments of the metrics table, on the OpenTelemetry SDK, and the one reader that all outputs share. A second
 * reader that nobody asks would keep what the first one has collected.
 * @module
 */
import { ValueType, type Attributes, type BatchObservableResult, type Meter, type Observable } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import {
  type AttributesOf,
  type KeyOf,
  type Measurement,
  type Metric,
  type MetricKey,
  METRICS,
} from './metrics-table.ts'

/** What was collected, for an output. */
export type Collected = ResourceMetrics

/** Tells the present value of a metric that is read when metrics are collected. */
export type Report = <Key extends KeyOf<'gauge' | 'total'>>(
  key: Key,
  value: number,
  attributes?: AttributesOf<Key>,
) => void

export type Instruments = {
  /** Adds to a counter, or to what goes up and down. */
  readonly add: <Key extends KeyOf<'counter' | 'updown'>>(
    key: Key,
    value: number,
    attributes?: AttributesOf<Key>,
  ) => void
  /** @param value in the unit of the metric */
  readonly record: <Key extends KeyOf<'histogram'>>(key: Key, value: number, attributes?: AttributesOf<Key>) => void
  readonly measure: (measured: Measurement) => void
  /** `read` is called whenever metrics are collected. What it does not report has no value then. */
  readonly observe: (read: (report: Report) => void | Promise<void>) => void
  /** The present values, since the start of the process. A reading that takes longer than two seconds is left out. */
  readonly collect: () => Promise<Collected>
  readonly close: () => Promise<void>
}

/** So long may a reading take, in milliseconds. */
const READING_MS = 2000

/** @param resource attributes of this process, such as `service.name` */
export function createInstruments(resource: Readonly<Record<string, string>>): Instruments {
  const reader = new SharedReader({
    // Of a gauge, only what was observed now: a revision that has ended would else be told of for ever.
    aggregationTemporalitySelector: (type) =>
      type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
  })
  const provider = new MeterProvider({ resource: resourceFromAttributes({ ...resource }), readers: [reader] })
  const meter = provider.getMeter('agentos')
  const written = new Map<MetricKey, (value: number, attributes: Attributes) => void>()
  const observed = new Map<MetricKey, Observable>()
  // The keys of an object literal are known; Object.entries forgets them.
  for (const [key, metric] of Object.entries(METRICS) as [MetricKey, Metric][]) {
    if (metric.kind === 'gauge' || metric.kind === 'total') observed.set(key, createObservable(meter, metric))
    else written.set(key, createWriter(meter, metric))
  }
  let underway: Promise<Collected> | undefined
  const collectOnce = async () => (await reader.collect({ timeoutMillis: READING_MS })).resourceMetrics
  const write = (key: MetricKey, value: number, attributes: Attributes = {}) =>
    written.get(key)?.(value, present(attributes))
  return {
    add: write,
    record: write,
    measure: ({ key, value, attributes }) => write(key, value, attributes),
    observe: (read) =>
      meter.addBatchObservableCallback(
        (result: BatchObservableResult) => {
          const report: Report = (key, value, attributes = {}) => {
            const observable = observed.get(key)
            if (observable !== undefined) result.observe(observable, value, present(attributes))
          }
          return read(report)
        },
        [...observed.values()],
      ),
    // Two at once would take each other's readings away.
    collect: () => (underway ??= collectOnce().finally(() => (underway = undefined))),
    close: () => provider.shutdown(),
  }
}

/** Collects when it is asked to, and never by itself. */
class SharedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function createWriter(meter: Meter, { name, kind, unit, about, buckets }: Metric) {
  const options = { unit, description: about, valueType: ValueType.DOUBLE }
  if (kind === 'histogram') {
    const advice = { explicitBucketBoundaries: [...(buckets ?? [])] }
    const histogram = meter.createHistogram(name, { ...options, advice })
    return (value: number, attributes: Attributes) => histogram.record(value, attributes)
  }
  const counter = kind === 'counter' ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options)
  return (value: number, attributes: Attributes) => counter.add(value, attributes)
}

function createObservable(meter: Meter, { name, kind, unit, about }: Metric): Observable {
  const options = { unit, description: about, valueType: ValueType.DOUBLE }
  return kind === 'total' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options)
}

/** An attribute that is undefined would be one of its own. */
function present(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
