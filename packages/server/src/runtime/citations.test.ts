import { expect, test } from 'vitest'
import { testRun, USAGE } from './test-run.ts'

test('what the provider cites is kept with its reply, each source once, and told with the run', async () => {
  const page = { type: 'url', url: 'https://x.example', title: 'X' } as const
  const { messages, result } = await testRun({
    turns: [
      () => [
        { type: 'text', text: 'It is so.' },
        { type: 'source', source: page },
        { type: 'source', source: page },
        { type: 'finish', usage: USAGE, reason: 'stop' },
      ],
    ],
  })
  expect(messages.at(-1)).toMatchObject({ role: 'assistant', citations: [page] })
  expect(result.citations).toEqual([page])
})
