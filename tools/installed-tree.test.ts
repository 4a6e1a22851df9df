import { expect, test } from 'vitest'
import { findDifference } from './installed-tree.js'

const wanted = {
  packages: {
    '': { version: '0.1.0' },
    'packages/sdk': { version: '0.1.0' },
    'node_modules/@agentos/sdk': { resolved: 'packages/sdk', link: true },
    'node_modules/zod': { version: '4.6.7', integrity: 'sha512-a' },
    'node_modules/vitest': { version: '5.1.1', integrity: 'sha512-b', dev: true },
    'node_modules/node-darwin': { version: '26.0.0', integrity: 'sha512-c', optional: true },
  },
}
const prod = {
  packages: {
    'node_modules/@agentos/sdk': { resolved: 'packages/sdk', link: true },
    'node_modules/zod': { version: '4.6.7', integrity: 'sha512-a' },
  },
}
const dev = { packages: { ...prod.packages, 'node_modules/vitest': wanted.packages['node_modules/vitest'] } }

test('a tree with everything satisfies developers and the server', () => {
  expect(findDifference(wanted, dev, 'dev')).toBeUndefined()
  expect(findDifference(wanted, dev, 'prod')).toBeUndefined()
})

test('a tree without the tools satisfies the server only', () => {
  expect(findDifference(wanted, prod, 'prod')).toBeUndefined()
  expect(findDifference(wanted, prod, 'dev')).toBe('node_modules/vitest')
})

test('an empty or interrupted install satisfies nobody', () => {
  expect(findDifference(wanted, undefined, 'prod')).toBe('node_modules/@agentos/sdk')
})

test.each([
  { version: '4.6.6', integrity: 'sha512-a' },
  { version: '4.6.7', integrity: 'sha512-other' },
])('another version or another content of a package is a difference: %o', (zod) => {
  const other = { packages: { ...prod.packages, 'node_modules/zod': zod } }
  expect(findDifference(wanted, other, 'prod')).toBe('node_modules/zod')
})

test('a binary for another platform may be absent, but not of another version', () => {
  const other = {
    packages: { ...prod.packages, 'node_modules/node-darwin': { version: '25.0.0', integrity: 'sha512-c' } },
  }
  expect(findDifference(wanted, other, 'prod')).toBe('node_modules/node-darwin')
})

test('a package nested in a workspace counts', () => {
  const nested = { packages: { ...wanted.packages, 'packages/sdk/node_modules/zod': { version: '3.0.0' } } }
  expect(findDifference(nested, prod, 'prod')).toBe('packages/sdk/node_modules/zod')
})
