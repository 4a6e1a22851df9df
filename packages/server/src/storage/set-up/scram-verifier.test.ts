import { expect, test } from 'vitest'
import { isUnambiguous, scramVerifier } from './scram-verifier.ts'

// Made by PostgreSQL 18: `set password_encryption`, `alter role ... password`, `select rolpassword from pg_authid`.
const MADE_BY_POSTGRES = [
  [
    'secret',
    'SCRAM-SHA-256$4096:OUBGd8TZLfxtgbSSRp3X2Q==$s+cAQmq9f7ZF7Cu9C2DugEwIyGQI/brVwvKR7XT3jCw=:zTf/tte5dV5cf/UhmgYMJjEQNS/0QecNhJJ5qOZXsGs=',
  ],
  [
    'it\'s "50 %" $HOME \\n',
    'SCRAM-SHA-256$4096:5Qi8KFn8knwRdPqjSydlrA==$yvnB7ZX+m0/SQsn5yPUnz3vxMqULaOtlGmoMvKJ7yFo=:3qBMnmj2d2HyrlxTyUIISRyMcu4A+nKKCVYYVFSpoaE=',
  ],
  [
    'pässwörd',
    'SCRAM-SHA-256$4096:nZoP+S1uaUbVmyIJfUTd3w==$WoKNfVZ+reUngQ4n0h7pXAt2xxragqGf5dsk3wtSREI=:7+fOr3fUaAf5YobToY6n/gXa/lHdzBDjeyaWid3apV4=',
  ],
  [
    '密码 🔑',
    'SCRAM-SHA-256$4096:0Z41WxWANA1UoRk3ROvfZA==$bmzgxSZcdGCiqyHMcThuDJQ0qmaTchaOwfQPzTncPWE=:3BqHjAyIUveLrANNorBWs0Ix2xaYFJercMz5n+kLl/U=',
  ],
] as const

test.each(MADE_BY_POSTGRES)('makes of %s what PostgreSQL makes of it', async (password, verifier) => {
  const salt = Buffer.from(/:([^$]+)\$/.exec(verifier)?.[1] ?? '', 'base64')
  expect(await scramVerifier(password, salt)).toBe(verifier)
})

test.each(['\u2168', 'no\u00a0break', 'soft\u00adhyphen', 'a\u0308', '\u2764\ufe0f'])(
  'knows that clients read %o in two ways',
  (password) => {
    expect(isUnambiguous(password)).toBe(false)
  },
)

test('knows that the other passwords are read in one way', () => {
  for (const [password] of MADE_BY_POSTGRES) expect(isUnambiguous(password)).toBe(true)
})
