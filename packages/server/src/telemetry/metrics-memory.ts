/**
 * The metrics of memory, for the table of all metrics.
 * @module
 */

export const MEMORY_METRICS = {
  missedMessages: {
    name: 'agentos.memory.missed_messages',
    kind: 'counter',
    unit: '{message}',
    about:
      'What users said and a memory manager failed on. Outcomes: `missed` (in its own run), `made_up` (a later run has read it), `failed` (a later run could not either).',
    attributes: ['gen_ai.agent.id', 'outcome'],
  },
} as const
