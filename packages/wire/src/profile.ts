/**
 * Profiles of a thread, for operators: what is asked for, and the two formats of V8 that are answered with.
 * @module
 */
import { z } from 'zod'

export const CpuProfileQuery = z.object({
  thread: z
    .enum(['agents', 'main'])
    .default('agents')
    .describe('agents: where agents and their tools run. main: routes, streams, runs, database.'),
  seconds: z.int().min(1).max(60).default(10).describe('How long to watch; the answer comes then.'),
})
export type CpuProfileQuery = z.infer<typeof CpuProfileQuery>

export const HeapProfileQuery = CpuProfileQuery.extend({
  garbage: z
    .boolean()
    .default(false)
    .describe('Count also what was collected meanwhile: finds who makes garbage. Without: who keeps memory.'),
})
export type HeapProfileQuery = z.infer<typeof HeapProfileQuery>

const CallFrame = z.object({
  functionName: z.string(),
  scriptId: z.string(),
  url: z.string(),
  lineNumber: z.int().describe('From 0.'),
  columnNumber: z.int().describe('From 0.'),
})

export const CpuProfile = z
  .object({
    nodes: z.array(
      z.object({
        id: z.int(),
        callFrame: CallFrame,
        hitCount: z.int().optional(),
        children: z.array(z.int()).optional().describe('Ids of nodes.'),
        positionTicks: z.array(z.object({ line: z.int(), ticks: z.int() })).optional(),
        deoptReason: z.string().optional(),
      }),
    ),
    startTime: z.number().describe('Microseconds; of a clock that starts anywhere.'),
    endTime: z.number(),
    samples: z.array(z.int()).optional().describe('Ids of nodes, in the order of time.'),
    timeDeltas: z.array(z.int()).optional().describe('Microseconds before each sample.'),
  })
  .meta({ id: 'CpuProfile', description: 'A .cpuprofile of V8.' })
export type CpuProfile = z.infer<typeof CpuProfile>

const HeapProfileNode = z
  .object({
    callFrame: CallFrame,
    selfSize: z.number().describe('Bytes allocated by the function itself.'),
    id: z.int(),
    get children() {
      return z.array(HeapProfileNode)
    },
  })
  .meta({ id: 'HeapProfileNode' })

export const HeapProfile = z
  .object({
    head: HeapProfileNode,
    samples: z.array(z.object({ size: z.number(), nodeId: z.int(), ordinal: z.number() })),
  })
  .meta({ id: 'HeapProfile', description: 'A .heapprofile of V8.' })
export type HeapProfile = z.infer<typeof HeapProfile>
