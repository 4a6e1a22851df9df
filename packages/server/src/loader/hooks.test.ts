import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { installHooks } from './hooks.ts'
import { makeFolder } from './test-folder.ts'

test('under `agentos test` a folder runs where it stands, and @agentos/sdk/testing is the given module', async () => {
  await using folder = await makeFolder({
    'a.test.ts': `import { runAgent } from '@agentos/sdk/testing'\nimport { own } from 'own'\nimport { old } from './old.cjs'\nenum E { a = 'enum' }\nexport const seen = [runAgent, own, old, E.a].join(' ')`,
    'old.cjs': `exports.old = require('own').own`,
    'testing.ts': `export const runAgent: string = 'replaced'`,
    'node_modules/own/package.json': '{"name":"own","main":"index.js"}',
    'node_modules/own/index.js': `exports.own = 'own'`,
  })
  const { path: directory } = folder
  const hooks = installHooks({
    directory,
    root: directory,
    origin: directory,
    mayLeave: true,
    testing: pathToFileURL(folder.at('testing.ts')),
  })
  try {
    expect(await import(pathToFileURL(folder.at('a.test.ts')).href)).toMatchObject({ seen: 'replaced own own enum' })
    expect(hooks.outside()).toEqual([])
  } finally {
    hooks.uninstall()
  }
})
