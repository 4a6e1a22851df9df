/**
 * Protocol buffers as far as a test has to read them: fields by number, without a schema
 * (https://protobuf.dev/programming-guides/encoding/).
 * @module
 */

/** A number of any width, or what is in a field with a length. */
export type Field = bigint | Uint8Array

/** Fields by number, each in the order it came. */
export type Message = ReadonlyMap<number, readonly Field[]>

/** @throws {RangeError} when the bytes end too early; {Error} for wire types that nobody writes any more */
export function readMessage(bytes: Uint8Array): Message {
  const fields = new Map<number, Field[]>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number) => {
    if (at + length > bytes.length)
      throw new RangeError(`a field of ${length} bytes begins at ${at} of ${bytes.length}`)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const type = tag & 7
    let value: Field
    if (type === 0) value = varint()
    else if (type === 1) value = view.getBigUint64((at += 8) - 8, true)
    else if (type === 2) value = take(Number(varint()))
    else if (type === 5) value = BigInt(view.getUint32((at += 4) - 4, true))
    else throw new Error(`wire type ${type} at ${at}`)
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

export function messagesOf(message: Message, field: number): Message[] {
  return bytesOf(message, field).map(readMessage)
}

export function bytesOf(message: Message, field: number): Uint8Array[] {
  return (message.get(field) ?? []).filter((value) => typeof value !== 'bigint')
}

/** The last value of a text field; empty when there is none. */
export function textOf(message: Message, field: number): string {
  return Buffer.from(bytesOf(message, field).at(-1) ?? []).toString()
}

/** The last value of a numeric field; 0 when there is none. */
export function numberOf(message: Message, field: number): bigint {
  return (message.get(field) ?? []).findLast((value) => typeof value === 'bigint') ?? 0n
}
