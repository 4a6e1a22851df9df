import { expect, test } from 'vitest'
import { hideBytes } from './tool-media.ts'

const write = (value: unknown) => JSON.parse(hideBytes(value, JSON.stringify(value))) as unknown
const BYTES = Buffer.alloc(3000, 'x')
const BASE64 = BYTES.toString('base64')

test('a picture of an MCP tool is named, its other parts stay', () => {
  expect(
    write({
      content: [
        { type: 'text', text: 'Here' },
        { type: 'image', data: BASE64, mimeType: 'image/png' },
      ],
    }),
  ).toEqual({
    content: [
      { type: 'text', text: 'Here' },
      { type: 'image', data: '[3000 bytes of image/png]', mimeType: 'image/png' },
    ],
  })
  const resource = { uri: 'file:///a', mimeType: 'application/pdf', blob: BASE64 }
  expect(write({ content: [{ type: 'resource', resource }] })).toEqual({
    content: [{ type: 'resource', resource: { ...resource, blob: '[3000 bytes of application/pdf]' } }],
  })
})

test('a file of an AI SDK tool is named', () => {
  const file = { type: 'file-data', mediaType: 'image/webp', data: BASE64 }
  expect(write({ type: 'content', value: [file] })).toEqual({
    type: 'content',
    value: [{ ...file, data: '[3000 bytes of image/webp]' }],
  })
})

test('raw bytes are counted, in whatever array they are', () => {
  expect(write({ a: BYTES, b: new Uint8Array(2000) })).toEqual({ a: '[3000 bytes]', b: '[2000 bytes]' })
})

test('long texts and short data stay as they are', () => {
  const text = { data: 'y'.repeat(5000), note: 'no type beside it' }
  expect(write(text)).toEqual(text)
  const short = { mimeType: 'image/png', data: 'AAAA', more: 'z'.repeat(2000) }
  expect(write(short)).toEqual(short)
})
