/**
 * From bytes to text: finds the encoding and tidies what comes out, so that every reader hands on the same kind of text.
 * @module
 */
const BYTE_ORDER_MARKS = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const

/** Bytes that are looked at to guess an encoding. */
const SAMPLE_BYTES = 4096

/**
 * Text of any usual encoding: by its byte order mark, by what its sender declared, else UTF-8, else Windows-1252, which
 * reads everything and is what most other text of the West is in.
 * @param declared a label of the Encoding Standard; one that is unknown is passed over
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  const marked = BYTE_ORDER_MARKS.find((mark) => mark.bytes.every((byte, index) => bytes[index] === byte))?.encoding
  if (marked !== undefined) return new TextDecoder(marked).decode(bytes)
  const wide = guessUtf16(bytes)
  if (wide !== undefined) return new TextDecoder(wide).decode(bytes)
  const decoder = declared === undefined ? undefined : decoderFor(declared)
  if (decoder !== undefined && decoder.encoding !== 'utf-8') return decoder.decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** UTF-16 without a mark shows by its zeros: every second byte of Western text is one. */
export function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  if (sample.length < 4 || sample.length % 2 === 1) return undefined
  const zeros = [0, 0]
  for (const [index, byte] of sample.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  const most = sample.length / 2
  if (odd > most * 0.4 && even < most * 0.05) return 'utf-16le'
  if (even > most * 0.4 && odd < most * 0.05) return 'utf-16be'
  return undefined
}

function decoderFor(label: string): TextDecoder | undefined {
  try {
    return new TextDecoder(label)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Control characters that mean nothing in a text; PostgreSQL stores no NUL. */
// oxlint-disable-next-line no-control-regex -- they are what it is about
const CONTROLS = /[\u0000-\u0008\u000b\u000e-\u001f\u007f\ufeff]/g

/**
 * Text with `\n` as its only line end, no white space before it, at most one blank line in a row, no control characters
 * and no half of a surrogate pair. Linear in its length.
 */
export function tidyText(text: string): string {
  return (
    text
      .replace(/\r\n?|\f|\u2028|\u2029/g, '\n')
      .replace(CONTROLS, '')
      // The look-behind keeps a long run of spaces from being tried from each of its spaces.
      .replace(/(?<![ \t])[ \t]+\n/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .toWellFormed()
  )
}
