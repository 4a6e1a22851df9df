import { describe, expect, test } from 'vitest'
import { createAuth } from './auth.ts'

test('lets everyone in without a key', () => {
  for (const key of [undefined, '']) {
    const auth = createAuth(key)
    expect(auth.mode).toBe('none')
    expect(auth.authorize(undefined, 'agents:run')).toMatchObject({ trusted: true })
  }
})

describe('with a security key', () => {
  const auth = createAuth('s3cret-ключ')
  const header = (token: string) => `Bearer ${Buffer.from(token).toString('latin1')}`

  test('lets the key in, whatever its script and the case of the scheme', () => {
    expect(auth.authorize(header('s3cret-ключ'), 'agents:run')).toMatchObject({ trusted: true })
    expect(auth.authorize(header('s3cret-ключ').replace('Bearer', 'bearer  '), undefined)).toMatchObject({
      trusted: true,
    })
  })

  test('asks for a header where there is none', () => {
    for (const value of [undefined, '', 'Bearer', 'Bearer ', 'Basic abc', 's3cret-ключ']) {
      expect(() => auth.authorize(value, 'agents:run')).toThrow('Authorization header required')
    }
  })

  test('refuses another key, and a part of the key', () => {
    for (const value of ['x', 's3cret', 's3cret-ключ2', 's3cret-ключ ']) {
      expect(() => auth.authorize(header(value), 'agents:run')).toThrow('Invalid authentication token')
    }
  })

  test('leaves public routes open, and tells who is not trusted there', () => {
    expect(auth.authorize(undefined, 'public')).toMatchObject({ trusted: false })
    expect(auth.authorize(header('wrong'), 'public')).toMatchObject({ trusted: false })
    expect(auth.authorize(header('s3cret-ключ'), 'public')).toMatchObject({ trusted: true })
  })

  test('closes paths that are no route', () => {
    expect(() => auth.authorize(undefined, undefined)).toThrow('Authorization header required')
  })

  test('lets the key do everything, and others what is public', () => {
    expect(auth.authorize(header('s3cret-ключ'), 'agents:run').may('approvals:write')).toBe(true)
    const nobody = auth.authorize(undefined, 'public')
    expect([nobody.may('approvals:write'), nobody.may('public')]).toEqual([false, true])
  })
})
