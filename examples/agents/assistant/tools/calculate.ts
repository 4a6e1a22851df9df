import { tool } from '@agentos/sdk'
import { z } from 'zod'
import { evaluate } from '../arithmetic.ts'

export const calculate = tool({
  name: 'calculate',
  description: 'Value of an arithmetic expression',
  input: z.object({
    expression: z.string().max(200).describe('Numbers, + - * / ^ % and parentheses, for example "(2 + 3) * 4"'),
  }),
  effect: 'read',
  run: ({ expression }) => ({ expression, value: evaluate(expression) }),
})
