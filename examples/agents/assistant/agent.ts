import { agent } from '@agentos/sdk'

// Its tools are the modules in `tools/`, its instructions are `instructions.md`, its id is the name of this folder.
export default agent({
  name: 'Assistant',
  description: 'Answers questions about the weather, sums and the time',
  introduction: 'Ask me about the weather in a city, a sum, or the time somewhere.',
  quickPrompts: ['What is the weather in Oslo?', 'What is 17% of 2,350?', 'What time is it in Tokyo?'],
  markdown: true,
})
