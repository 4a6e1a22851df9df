import { expect, test } from 'vitest'
import { byExtension, mediaTypeOf, sniffType } from './media-types.ts'

test('a file is known by the type its sender says, and otherwise by its name', () => {
  expect(mediaTypeOf('image/PNG; q=1', 'x.pdf')).toEqual({ kind: 'image', mimeType: 'image/png' })
  expect(mediaTypeOf('image/jpg', undefined)).toEqual({ kind: 'image', mimeType: 'image/jpeg' })
  expect(mediaTypeOf('application/x-zip-compressed', 'a')).toEqual({ kind: 'file', mimeType: 'application/zip' })
  for (const silent of [undefined, '', 'application/octet-stream']) {
    expect(mediaTypeOf(silent, 'notes.MD')).toEqual({ kind: 'file', mimeType: 'text/markdown' })
    expect(mediaTypeOf(silent, 'song.mp3')).toEqual({ kind: 'audio', mimeType: 'audio/mpeg' })
    expect(mediaTypeOf(silent, 'film.mp4')).toEqual({ kind: 'video', mimeType: 'video/mp4' })
  }
})

test('what is on no list is not taken, whatever its name', () => {
  expect(mediaTypeOf('application/x-msdownload', 'a.png')).toBeUndefined()
  expect(mediaTypeOf('image/svg+xml', 'a.svg')).toBeUndefined()
  expect(mediaTypeOf(undefined, 'program.exe')).toBeUndefined()
  expect(mediaTypeOf(undefined, 'no-extension')).toBeUndefined()
  expect(mediaTypeOf(undefined, undefined)).toBeUndefined()
  expect(byExtension('constructor')).toBeUndefined()
})

test('bytes tell what they are where that is common', () => {
  const kindOf = (text: string) => sniffType(Buffer.from(text, 'latin1'))?.mimeType
  expect(kindOf('\x89PNG\r\n\x1a\n')).toBe('image/png')
  expect(kindOf('\xff\xd8\xff\xe0')).toBe('image/jpeg')
  expect(kindOf('RIFF\0\0\0\0WEBPVP8 ')).toBe('image/webp')
  expect(kindOf('RIFF\0\0\0\0WAVEfmt ')).toBe('audio/wav')
  expect(kindOf('RIFF\0\0\0\0AVI LIST')).toBeUndefined()
  expect(kindOf('%PDF-1.7')).toBe('application/pdf')
  expect(kindOf('')).toBeUndefined()
})
