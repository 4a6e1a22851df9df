import { agent } from '@agentos/sdk'

/** Remembers its users from one conversation to the next. Tell it your name, start a new session, and ask for it. */
export default agent({
  name: 'Companion',
  description: 'Remembers you between conversations.',
  instructions: 'Be brief and kind. Use what you remember of the user where it helps, and do not list it unasked.',
  enableUserMemories: true,
  enableSessionSummaries: true,
  searchPastSessions: true,
  introduction: 'Tell me about yourself. I will still know it tomorrow.',
  quickPrompts: ['My name is Ada and I live in Oslo.', 'What do you know about me?', 'Forget where I live.'],
})
