/**
 * Reads `text/event-stream` as the HTML Standard defines it (9.2.6, interpreting an event stream), however the text is
 * cut into pieces.
 * @module
 */

export type StreamFrame = {
  /** The `event:` field; `message` without one. */
  readonly event: string
  readonly data: string
  /** The last `id:` seen so far; empty without one. */
  readonly id: string
}

export type EventStreamParser = {
  /** Takes the next piece of text and returns the frames that it completes. An unfinished last frame is dropped. */
  readonly push: (text: string) => StreamFrame[]
}

export function createEventStreamParser(): EventStreamParser {
  let rest = ''
  let atStart = true
  let afterReturn = false
  let event = ''
  let data: string[] = []
  let id = ''

  function takeLine(line: string): StreamFrame | undefined {
    if (line === '') {
      const frame = data.length === 0 ? undefined : { event: event || 'message', data: data.join('\n'), id }
      event = ''
      data = []
      return frame
    }
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon === -1 ? line : line.slice(0, colon)
    const raw = colon === -1 ? '' : line.slice(colon + 1)
    const value = raw.startsWith(' ') ? raw.slice(1) : raw
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
    return undefined
  }

  return {
    push(text) {
      let piece = text
      if (piece === '') return []
      if (atStart) {
        atStart = false
        if (piece.startsWith('\uFEFF')) piece = piece.slice(1)
      }
      // A line feed that belongs to the carriage return of the piece before it.
      if (afterReturn && piece.startsWith('\n')) piece = piece.slice(1)
      if (piece !== '') afterReturn = piece.endsWith('\r')
      const lines = (rest + piece).split(/\r\n|\r|\n/)
      rest = lines.pop() ?? ''
      return lines.flatMap((line) => takeLine(line) ?? [])
    },
  }
}
