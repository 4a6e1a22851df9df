import { expect, test } from 'vitest'
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
