import { tool } from '@agentos/sdk'
import { z } from 'zod'

export const currentTime = tool({
  name: 'current_time',
  description: 'Current date and time in a time zone',
  input: z.object({
    timezone: z.string().default('UTC').describe('IANA time zone, for example "Europe/Oslo"'),
  }),
  effect: 'read',
  run: ({ timezone }) => {
    const time = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone: timezone })
    return { timezone, time: time.format(new Date()) }
  },
})
