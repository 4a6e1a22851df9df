import { agent } from '@agentos/sdk'

// The files of `knowledge/` are its knowledge base, which has the id of this folder. The server reads them, and gives the
// agent the tool to search them.
export default agent({
  name: 'Handbook',
  description: 'Answers questions about a shop from its handbook',
  introduction: 'Ask me about refunds, returns and shipping.',
  instructions: 'Answer from the handbook in one or two sentences and name the document. Say so when it has no answer.',
  quickPrompts: ['How long does a refund take?', 'What does shipping to Norway cost?'],
})
