import { expect, test } from 'vitest'
import { checkLockfile } from './lockfile.ts'

const locked = (packages: Parameters<typeof checkLockfile>[0]['packages']) => checkLockfile({ packages })
const integrity = 'sha512-a'

test('has nothing to say about a sound lockfile', () => {
  const problems = locked({
    '': { dependencies: { a: '1.0.0' }, optionalDependencies: { b: '1.0.0-beta.1' } },
    'packages/sdk': { version: '0.1.0' },
    'node_modules/@agentos/sdk': { resolved: 'packages/sdk', link: true },
    'node_modules/a': {
      version: '1.0.0',
      integrity,
      optionalDependencies: { 'a-linux': '1.0.0', 'a-darwin': '1.0.0' },
    },
    'node_modules/a/node_modules/a-linux': { version: '1.0.0', integrity },
    'node_modules/a-darwin': { version: '1.0.0', integrity },
  })
  expect(problems).toEqual([])
})

test('misses the binary of a platform, also of a nested package', () => {
  const problems = locked({
    'node_modules/a': { integrity },
    'node_modules/a/node_modules/@b/c': { integrity, optionalDependencies: { '@b/c-darwin': '1.0.0' } },
    'packages/x/node_modules/d': { integrity, optionalDependencies: { 'd-darwin': '1.0.0' } },
    'node_modules/a/node_modules/d-darwin': { integrity },
  })
  expect(problems).toEqual([
    expect.stringContaining('node_modules/a/node_modules/@b/c wants @b/c-darwin, which is not locked'),
    expect.stringContaining('packages/x/node_modules/d wants d-darwin, which is not locked'),
  ])
})

test('refuses a package without integrity and one that names its registry', () => {
  const problems = locked({
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', integrity, resolved: 'https://registry.example/b.tgz' },
  })
  expect(problems).toEqual([
    expect.stringContaining('node_modules/a has no integrity'),
    expect.stringContaining('node_modules/b names the registry'),
  ])
})

test.each(['^1.0.0', '*', '1.x', 'latest', '>=1.0.0'])('refuses the range %s in a package of ours', (range) => {
  const problems = locked({ 'packages/sdk': { devDependencies: { a: range } } })
  expect(problems).toEqual([`packages/sdk asks for a ${range}: write one exact version`])
})
