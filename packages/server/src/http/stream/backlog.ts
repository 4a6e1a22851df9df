/**
 * Events that wait to be sent to one client, and the frames they become. For a client that does not keep up,
 * neighbouring deltas become one event, so that a slow reader costs text, not frames.
 * @module
 */
import { isJsonObject, parseJson } from '../../base/json.ts'
import type { RunEvent } from '../../base/run.ts'
import type { Entry } from '../../runs/feed.ts'
import { toFrames } from './event-frames.ts'

export type Backlog = {
  /** @param joining whether deltas may be joined with the one before them */
  readonly add: (entry: Entry, joining: boolean) => void
  /** Adds a frame that is no event. */
  readonly addFrame: (frame: string) => void
  /** About how many bytes wait. */
  readonly bytes: () => number
  /** The frames of what waits, as one text of about `maxBytes` or less; empty when nothing waits. */
  readonly take: (maxBytes: number) => string
}

type Delta = Extract<RunEvent, { type: 'content' | 'reasoning' }>

/** An entry that waits, or a frame. `delta` holds the whole text where deltas were joined, `entry` the first of them. */
type Waiting =
  | { readonly entry: Entry; readonly index: number; readonly delta?: Delta; readonly cost: number }
  | { readonly frame: string; readonly cost: number }

/** What a frame costs beside its JSON: id and event lines. */
const FRAME_BYTES = 40

/** @param withIndex whether events carry `event_index` */
export function createBacklog(withIndex: boolean): Backlog {
  let waiting: Waiting[] = []
  let bytes = 0

  function push(item: Waiting): void {
    waiting.push(item)
    bytes += item.cost
  }

  return {
    add(entry, joining) {
      const last = joining ? waiting.pop() : undefined
      const joined = last && join(last, entry)
      if (last) bytes -= last.cost
      if (last && !joined) push(last)
      push(joined ?? { entry, index: entry.index, cost: FRAME_BYTES + Buffer.byteLength(entry.json) })
    },
    addFrame: (frame) => push({ frame, cost: frame.length }),
    bytes: () => bytes,
    take(maxBytes) {
      let text = ''
      let taken = 0
      for (const item of waiting) {
        if (text.length >= maxBytes) break
        text += toText(item, withIndex)
        bytes -= item.cost
        taken++
      }
      waiting = taken === waiting.length ? [] : waiting.slice(taken)
      return text
    },
  }
}

function toText(item: Waiting, withIndex: boolean): string {
  if ('frame' in item) return item.frame
  const { entry, index, delta } = item
  return toFrames(delta ? { index, json: rewriteDelta(entry.json, delta), event: delta } : entry, withIndex)
}

/** The encoded first delta with the text of all. */
function rewriteDelta(json: string, { type, text }: Delta): string {
  const first = parseJson(json)
  const key = type === 'content' ? 'content' : 'reasoning_content'
  return JSON.stringify({ ...(isJsonObject(first) ? first : {}), [key]: text })
}

/** Two deltas of the same kind as one; undefined when they are not. */
function join(last: Waiting, next: Entry): Waiting | undefined {
  if (!('entry' in last)) return undefined
  const first = last.delta ?? last.entry.event
  const second = next.event
  if (!isDelta(first) || !isDelta(second) || first.type !== second.type) return undefined
  const delta = { ...first, text: first.text + second.text }
  return { entry: last.entry, index: next.index, delta, cost: last.cost + Buffer.byteLength(second.text) }
}

function isDelta(event: RunEvent | undefined): event is Delta {
  return event?.type === 'content' || event?.type === 'reasoning'
}
