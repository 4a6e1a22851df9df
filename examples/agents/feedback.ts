import { agent } from '@agentos/sdk'
import { z } from 'zod'

const Feedback = z.object({
  sentiment: z.enum(['positive', 'neutral', 'negative']),
  topic: z.string().describe('What it is about, in one to three words'),
  summary: z.string().describe('One sentence'),
  urgent: z.boolean().describe('Whether someone should answer today'),
})

/** Structured output: the run's `content` is an object that fits the schema. */
export default agent({
  name: 'Feedback triage',
  description: 'Turns customer feedback into a structured record',
  instructions: 'Classify the customer feedback. Judge only what is written.',
  outputSchema: Feedback,
  quickPrompts: ['The new dashboard is great, but exporting to CSV has been broken since Monday.'],
})
