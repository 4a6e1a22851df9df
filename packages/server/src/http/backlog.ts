/**
 * Events that wait to be sent to one client, and the frames they become. For a client that does not keep up,
 * neighbouring deltas become one event, so that a slow reader costs text, not frames.
 * @module
 */
import type { RunEvent } from '../base/run.ts'
import type { FeedEntry } from '../runs/feed.ts'
import { encodeEvent, EVENT_NAMES, type EventContext, toToolCallError } from './agno-events.ts'
import { formatFrame } from './sse.ts'

export type Backlog = {
  /** @param joining whether deltas may be joined with the one before them */
  readonly add: (entry: FeedEntry, joining: boolean) => void
  /** About how many bytes wait. */
  readonly bytes: () => number
  /** The frames of everything that waits, as one text; nothing waits any more. */
  readonly take: () => string
}

/** An event that waits; `json` is undefined where deltas were joined. */
type Waiting = { readonly index: number; readonly event: RunEvent; readonly json: string | undefined }

/** What a frame costs beside its JSON: id and event lines. */
const FRAME_BYTES = 40

export function createBacklog(context: EventContext): Backlog {
  let waiting: Waiting[] = []
  let bytes = 0
  return {
    add({ index, event, json }, joining) {
      const joined = joining ? join(waiting.at(-1)?.event, event) : undefined
      if (joined) {
        waiting[waiting.length - 1] = { index, event: joined, json: undefined }
        bytes += 'text' in event ? Buffer.byteLength(event.text) : 0
      } else {
        waiting.push({ index, event, json })
        bytes += FRAME_BYTES + Buffer.byteLength(json)
      }
    },
    bytes: () => bytes,
    take() {
      const text = waiting.map((item) => toFrames(item, context)).join('')
      waiting = []
      bytes = 0
      return text
    },
  }
}

/** The frames of one index; only the last carries its id, so that resuming never loses the second. */
function toFrames({ index, event, json }: Waiting, context: EventContext): string {
  const line = json ?? encodeEvent(event, context)
  const name = EVENT_NAMES[event.type]
  if (event.type !== 'tool-end' || event.tool.isError !== true) return formatFrame(name, line, index)
  const follower = toToolCallError(event.at, context, event.tool)
  return formatFrame(name, line) + formatFrame(follower.event, JSON.stringify(follower), index)
}

/** Two deltas of the same kind as one; undefined when they are not. */
function join(first: RunEvent | undefined, second: RunEvent): RunEvent | undefined {
  if (first?.type === 'content' && second.type === 'content') return { ...first, text: first.text + second.text }
  if (first?.type === 'reasoning' && second.type === 'reasoning') return { ...first, text: first.text + second.text }
  return undefined
}
