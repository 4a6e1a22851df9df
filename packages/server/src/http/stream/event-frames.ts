/**
 * Events of a run as frames of a stream, whether they come from a run that is live here or from the database.
 * @module
 */
import { isJsonObject, parseJson } from '../../base/json.ts'
import { EVENT_NAMES, followerOf, nameOfEncoded } from '../agno/events.ts'
import type { Entry } from '../../runs/feed.ts'
import { formatFrame } from './sse.ts'

/** What the line `event:` says. */
export function nameOfEntry({ event, json }: Entry): string {
  return event ? EVENT_NAMES[event.type] : nameOfEncoded(json)
}

/**
 * The frames of one index; only the last carries its id, so that resuming never loses the second.
 * @param withIndex whether the events carry their index too, as `event_index`
 */
export function toFrames(entry: Entry, withIndex: boolean): string {
  const { index, json } = entry
  const name = nameOfEntry(entry)
  const line = withIndex ? addIndex(json, index) : json
  const follower = name === 'ToolCallCompleted' ? toFollower(json) : undefined
  if (follower === undefined) return formatFrame(name, line, index)
  const next = JSON.stringify(follower)
  return formatFrame(name, line) + formatFrame('ToolCallError', withIndex ? addIndex(next, index) : next, index)
}

/** Calls that failed are rare: the others are not parsed. */
function toFollower(json: string) {
  const event = json.includes('"tool_call_error":true') ? parseJson(json) : undefined
  return isJsonObject(event) ? followerOf(event) : undefined
}

/** The line is one object with at least one key. */
function addIndex(json: string, index: number): string {
  return `${json.slice(0, -1)},"event_index":${index}}`
}
