/**
 * Cuts a stream of text into lines of bounded length. Pure.
 * @module
 */

/** Longer lines are cut, so that what agents print cannot fill the server's memory or its log. */
export const MAX_LINE_CHARS = 16_384

export type LineSplitter = {
  readonly push: (text: string) => void
  /** Hands over what is left, as the stream's last line. */
  readonly flush: () => void
}

/** Empty lines are dropped. @param maxChars longest line */
export function createLineSplitter(onLine: (line: string) => void, maxChars = MAX_LINE_CHARS): LineSplitter {
  let rest = ''
  const emit = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text === '') return
    onLine(text.length > maxChars ? `${text.slice(0, maxChars)}... (${text.length} characters)` : text)
  }
  return {
    push: (text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) emit(line)
      if (rest.length <= maxChars) return
      emit(rest)
      rest = ''
    },
    flush: () => {
      emit(rest)
      rest = ''
    },
  }
}
