import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { describeValues } from './files.ts'

test('lists every value with its default and its comment, in the order of the file', () => {
  const values = describeValues(`# About the file
a:
  # -- The first
  b: 1
  c:
    # -- The second,
    # on two lines
    d: ''
# -- A whole map
e:
  f: true
# -- A list
g:
- 1
`)
  expect(values).toEqual([
    { name: 'a.b', fallback: '1', about: 'The first' },
    { name: 'a.c.d', fallback: '""', about: 'The second, on two lines' },
    { name: 'e', fallback: '{"f":true}', about: 'A whole map' },
    { name: 'g', fallback: '[1]', about: 'A list' },
  ])
})

test('names the values that have no comment', () => {
  expect(() => describeValues('a:\n  # -- One\n  b: 1\n  c: 2\nd: {}\n')).toThrow('says nothing about a.c, d:')
})

test('the chart is of the version of the server, and lists the images that its values name', () => {
  const read = (path: string): unknown => parse(readFileSync(join(import.meta.dirname, '../..', path), 'utf8'))
  const chart = read('charts/agentos/Chart.yaml')
  const { version } = read('packages/server/package.json') as { readonly version: string }
  const { image, gitSync, initDb } = read('charts/agentos/values.yaml') as Images
  expect(chart).toMatchObject({ appVersion: version })
  const { annotations } = chart as { readonly annotations: Readonly<Record<string, string>> }
  const listed = parse(annotations['artifacthub.io/images'] ?? '') as readonly { readonly image: string }[]
  expect(listed.map((entry) => entry.image)).toEqual([
    `${image.repository}:${version}`,
    `${gitSync.image.repository}:${gitSync.image.tag}`,
    initDb.image,
  ])
})

type Image = { readonly repository: string; readonly tag: string }
type Images = {
  readonly image: Image
  readonly gitSync: { readonly image: Image }
  readonly initDb: { readonly image: string }
}
