import { expect, test } from 'vitest'
import type { LoadedMedia, Media } from '../base/media.ts'
import { NO_USAGE } from '../base/usage.ts'
import { toPrompt } from './prompt.ts'

const PICTURE: Media = { id: 'p', kind: 'image', mimeType: 'image/png', name: 'a.png', details: { detail: 'low' } }
const NOTES: Media = { id: 'n', kind: 'file', mimeType: 'text/markdown', name: 'no"tes.md' }
const LINK: Media = { id: 'l', kind: 'image', mimeType: 'image/webp', url: 'https://a.b/c.webp' }
const BYTES = Buffer.from('png')
const LOADED = new Map<string, LoadedMedia>([
  ['p', { type: 'bytes', bytes: BYTES }],
  ['n', { type: 'text', text: '# Notes' }],
  ['l', { type: 'url', url: 'https://a.b/c.webp' }],
])
const user = (...media: Media[]) => ({ role: 'user', id: 'u', createdAt: 0, content: 'See', media }) as const
const contentOf = (media: Media[], version: string, loaded = LOADED) =>
  toPrompt([user(...media)], { media: loaded, version })[0]?.content

test('bytes and links are file parts behind the text, tagged as the newest interface has them', () => {
  expect(contentOf([PICTURE, LINK], 'v4')).toEqual([
    { type: 'text', text: 'See' },
    {
      type: 'file',
      mediaType: 'image/png',
      filename: 'a.png',
      data: { type: 'data', data: BYTES },
      providerOptions: { openai: { imageDetail: 'low' } },
    },
    { type: 'file', mediaType: 'image/webp', data: { type: 'url', url: new URL('https://a.b/c.webp') } },
  ])
})

test('models of earlier interfaces get the bytes and the link themselves', () => {
  for (const version of ['v2', 'v3']) {
    const [, picture, link] = contentOf([PICTURE, LINK], version) as { data: unknown }[]
    expect(picture?.data).toBe(BYTES)
    expect(link?.data).toEqual(new URL('https://a.b/c.webp'))
  }
})

test('a text is text to every model, under its name', () => {
  expect(contentOf([NOTES], 'v4')).toEqual([
    { type: 'text', text: 'See' },
    { type: 'text', text: '<file name="no\\"tes.md" type="text/markdown">\n# Notes\n</file>' },
  ])
})

test('what cannot be shown is named, and what nobody read is left out', () => {
  const absent = new Map<string, LoadedMedia>([['p', { type: 'absent', why: 'it is not kept any more' }]])
  expect(contentOf([PICTURE, NOTES], 'v4', absent)).toEqual([
    { type: 'text', text: 'See' },
    { type: 'text', text: '[The image "a.png" cannot be shown: it is not kept any more]' },
  ])
})

test('what the model made goes back as its own', () => {
  const reply = {
    role: 'assistant',
    id: 'a',
    createdAt: 0,
    usage: NO_USAGE,
    parts: [{ type: 'media', media: PICTURE, providerMetadata: { google: { signature: 's' } } }],
  } as const
  expect(toPrompt([reply], { media: LOADED, version: 'v4' })[0]).toMatchObject({
    role: 'assistant',
    content: [{ type: 'file', mediaType: 'image/png', providerOptions: { google: { signature: 's' } } }],
  })
})
