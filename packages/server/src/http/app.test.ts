import { expect, test } from 'vitest'
import { createTestApp } from './testing/test-app.ts'

test('answers health, whatever the database does', async () => {
  await using server = await createTestApp()
  const answer = await server.app.inject('/health')
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toEqual({ status: 'ok', instantiated_at: '2026-11-23T04:51:47.522Z' })
})
