/**
 * A ready tool with which the model asks a person: questions with options, answered by choosing. Nothing runs; the
 * answers are the result. Name, description and arguments are those of Agno's `UserFeedbackTools`, which its clients know.
 * @module
 */
import { define } from './definition.ts'
import type { JsonSchema } from './schema.ts'
import type { Tool } from './tool.ts'

const DESCRIPTION = `Present structured questions with predefined options to the user.
Use it when you need the user to choose between specific options.
- Each question has a short header (at most 12 characters), a clear question text that ends with a question mark, and 2 to 4 options.
- Each option has a label of 1 to 5 words, and a description where the label does not say enough.
- Set multi_select to true only when the choices are not mutually exclusive.`

const INPUT: JsonSchema = {
  type: 'object',
  properties: {
    questions: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      description: 'A list of questions to present to the user, each with a header, question text, and options.',
      items: {
        type: 'object',
        properties: {
          question: {
            type: 'string',
            description: 'The question to ask the user. Must end with a question mark.',
          },
          header: {
            type: 'string',
            description: "Short label for the question (max 12 chars), e.g. 'Destination'.",
          },
          options: {
            type: 'array',
            minItems: 1,
            maxItems: 50,
            description: '2-4 options for the user to choose from.',
            items: {
              type: 'object',
              properties: {
                label: { type: 'string', description: 'Short display text for this option (1-5 words).' },
                description: { type: 'string', description: 'Explanation of what this option means.' },
              },
              required: ['label'],
            },
          },
          multi_select: {
            type: 'boolean',
            default: false,
            description: 'If true, the user can select multiple options.',
          },
        },
        required: ['question', 'header', 'options'],
      },
    },
  },
  required: ['questions'],
}

/** The tool `ask_user`. A call pauses the run until somebody has answered its questions. */
export function askUser(): Tool {
  return define({
    kind: 'tool',
    name: 'ask_user',
    description: DESCRIPTION,
    input: INPUT,
    run: undefined,
    effect: 'read',
    timeoutMs: undefined,
    stopAfterToolCall: false,
    pause: { kind: 'user-feedback' },
    approval: undefined,
  })
}
