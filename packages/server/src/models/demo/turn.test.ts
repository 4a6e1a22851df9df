import { describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../base/json.ts'
import type { Message } from '../../base/message.ts'
import { NO_USAGE } from '../../base/usage.ts'
import type { ModelRequest, ModelTool } from '../model.ts'
import { nextTurn, type Turn } from './turn.ts'

const object = (properties: JsonObject, required = Object.keys(properties)): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})
const text = { type: 'string' }

const TOOLS: readonly ModelTool[] = [
  {
    name: 'get_weather',
    description: 'Get the current weather for a city.',
    parameters: object(
      {
        city: text,
        unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
        days: { type: 'integer', minimum: 1, maximum: 7 },
      },
      ['city'],
    ),
  },
  { name: 'calculator', description: 'Evaluate an arithmetic expression', parameters: object({ expression: text }) },
  {
    name: 'search_orders',
    description: 'Search the orders of a customer',
    parameters: object({ customer: text, limit: { type: 'integer', default: 10 } }, ['customer']),
  },
  { name: 'get_order', description: 'Look up one order by its id', parameters: object({ orderId: text }) },
  {
    name: 'send_email',
    description: 'Send an email',
    parameters: object({ to: { type: 'string', format: 'email' }, subject: text, body: text }),
  },
  { name: 'remember', description: 'Remember a note for later', parameters: object({ note: text }) },
  {
    name: 'roll_dice',
    description: 'Roll dice',
    parameters: object({ sides: { type: 'integer', default: 6 }, count: { type: 'integer', minimum: 1 } }),
  },
  {
    name: 'convert_currency',
    description: 'Convert an amount between currencies',
    parameters: object({ amount: { type: 'number' }, from: text, to: text }),
  },
  {
    name: 'current_time',
    description: 'Tell the current time in a time zone',
    parameters: object({ timezone: text }, []),
  },
]

/** A conversation that grows as a run would make it. */
function converse(tools = TOOLS) {
  const messages: Message[] = []
  const request = (more: Partial<ModelRequest> = {}): ModelRequest => {
    return { messages, tools, toolChoice: 'auto', output: undefined, settings: {}, ...more }
  }
  const take = (turn: Turn) => {
    const base = { id: `a${messages.length}`, createdAt: 0, usage: NO_USAGE, role: 'assistant' as const }
    if (turn.type === 'answer') messages.push({ ...base, parts: [{ type: 'text', text: turn.text }] })
    else
      messages.push({
        ...base,
        parts: turn.calls.map((call, n) => ({ type: 'tool-call', toolCallId: `c${n}`, ...call })),
      })
    return turn
  }
  return {
    messages,
    say: (content: string, more: Partial<ModelRequest> = {}) => {
      messages.push({ id: `u${messages.length}`, createdAt: 0, role: 'user', content })
      return take(nextTurn(request(more)))
    },
    result: (content: Json, isError = false, more: Partial<ModelRequest> = {}) => {
      const last = messages.at(-1)
      const call = last?.role === 'assistant' ? last.parts.find((part) => part.type === 'tool-call') : undefined
      const { toolCallId, toolName, input } = call!
      const said = typeof content === 'string' ? content : JSON.stringify(content)
      messages.push({
        id: 't',
        createdAt: 0,
        role: 'tool',
        toolCallId,
        toolName,
        input,
        content: said,
        isError,
        durationMs: 1,
      })
      return take(nextTurn(request(more)))
    },
  }
}

const calls = (turn: Turn) =>
  turn.type === 'calls' ? turn.calls.map(({ toolName, input }) => [toolName, input]) : turn.text
const answer = (turn: Turn) =>
  turn.type === 'answer' ? turn.text.replace(/ \(Offline demo model.*\)$/, '') : turn.calls

describe('the demo model picks a tool', () => {
  test.each<[string, string, JsonObject]>([
    ['What is the weather in Oslo?', 'get_weather', { city: 'Oslo' }],
    ["what's the weather in oslo today?", 'get_weather', { city: 'Oslo' }],
    ['weather oslo', 'get_weather', { city: 'Oslo' }],
    ['Do I need an umbrella in Bergen tomorrow?', 'get_weather', { city: 'Bergen' }],
    ['How warm is it in São Paulo?', 'get_weather', { city: 'São Paulo' }],
    [
      'Weather for New York in Fahrenheit for the next 3 days please',
      'get_weather',
      { city: 'New York', unit: 'fahrenheit', days: 3 },
    ],
    ['What will the weather be in Oslo in the next 12 days?', 'get_weather', { city: 'Oslo', days: 7 }],
    ['What is 12 * (3 + 4)?', 'calculator', { expression: '12 * (3 + 4)' }],
    ['what is 17 times 23', 'calculator', { expression: '17 * 23' }],
    ['Show me the orders of Ada Lovelace, limit 5', 'search_orders', { customer: 'Ada Lovelace', limit: 5 }],
    ['Find the orders of Ada Lovelace', 'search_orders', { customer: 'Ada Lovelace', limit: 10 }],
    ['Look up order #A-1234', 'get_order', { orderId: 'A-1234' }],
    ['What about order 4711?', 'get_order', { orderId: '4711' }],
    [
      'Send an email to bob@example.com saying "Lunch at noon?"',
      'send_email',
      { to: 'bob@example.com', subject: 'Lunch at noon?', body: 'Lunch at noon?' },
    ],
    ['Please remember that I prefer tea.', 'remember', { note: 'I prefer tea' }],
    ['Roll 3 dice with 20 sides', 'roll_dice', { sides: 20, count: 3 }],
    ['roll two dice', 'roll_dice', { sides: 6, count: 2 }],
    ['Convert 100 USD to EUR', 'convert_currency', { amount: 100, from: 'USD', to: 'EUR' }],
    ['What time is it in Europe/Oslo?', 'current_time', { timezone: 'Europe/Oslo' }],
    ['What time is it?', 'current_time', {}],
  ])('%s', (message, toolName, input) => {
    expect(calls(converse().say(message))).toEqual([[toolName, input]])
  })

  test('several at once, for several places or questions', () => {
    expect(calls(converse().say('How warm is it in Paris, London and New York?'))).toEqual([
      ['get_weather', { city: 'Paris' }],
      ['get_weather', { city: 'London' }],
      ['get_weather', { city: 'New York' }],
    ])
    expect(calls(converse().say('Is it raining in Tokyo and what is 2+2?'))).toEqual([
      ['get_weather', { city: 'Tokyo' }],
      ['calculator', { expression: '2+2' }],
    ])
  })

  test('after asking for a place that the message leaves out', () => {
    const chat = converse()
    expect(answer(chat.say('What is the weather like?'))).toBe('Which city do you mean?')
    expect(calls(chat.say('Bergen'))).toEqual([['get_weather', { city: 'Bergen' }]])
  })

  test('with the place that was named before', () => {
    const chat = converse()
    chat.say('What is the weather in Oslo?')
    chat.result('Sunny')
    expect(calls(chat.say('And the weather in Fahrenheit?'))).toEqual([
      ['get_weather', { city: 'Oslo', unit: 'fahrenheit' }],
    ])
    chat.result('Sunny')
    expect(calls(chat.say('what about Bergen?'))).toEqual([['get_weather', { city: 'Bergen' }]])
  })

  test('never when tools are off, always when one is demanded and not yet called', () => {
    expect(converse().say('What is the weather in Oslo?', { toolChoice: 'none' }).type).toBe('answer')
    expect(calls(converse().say('Hello', { toolChoice: 'required' }))).toEqual([['get_weather', { city: 'Hello' }]])
    const chat = converse()
    expect(calls(chat.say('Hello', { toolChoice: { tool: 'roll_dice' } }))).toEqual([
      ['roll_dice', { sides: 6, count: 1 }],
    ])
    expect(chat.result('4', false, { toolChoice: { tool: 'roll_dice' } }).type).toBe('answer')
  })

  test('not for words that merely occur', () => {
    for (const message of [
      'Hello!',
      'Tell me a joke',
      'Thanks, that was great',
      'Explain quantum mechanics',
      'Who are you?',
    ]) {
      expect(converse().say(message).type).toBe('answer')
    }
  })
})

test.each(['(', 'my ', 'a', '1-', '"', 'in Oslo and ', 'weather. ', 'A ', '-', 'x@', 'Ab', ': '])(
  'a huge message of "%s" is answered at once',
  (piece) => {
    const tools = Array.from({ length: 50 }, (_, index) => ({ ...TOOLS[index % TOOLS.length]!, name: `tool_${index}` }))
    const started = performance.now()
    converse(tools).say(`my ${piece.repeat(200_000)}`)
    expect(performance.now() - started).toBeLessThan(1000)
  },
)

describe('the demo model answers from results', () => {
  const weather = () => {
    const chat = converse()
    chat.say('What is the weather in Oslo?')
    return chat
  }

  test.each<[Json, string]>([
    [
      { city: 'Oslo', temperature_c: 12, condition: 'cloudy' },
      'In Oslo the temperature is 12 °C and the condition is cloudy.',
    ],
    [{ temperatureC: 12 }, 'In Oslo the temperature is 12 °C.'],
    ['It is sunny in Oslo, 21 degrees', 'It is sunny in Oslo, 21 degrees.'],
    [['rain', 'sun'], 'Weather found 2 entries: rain; sun.'],
    [{ city: 'Oslo', days: [{ name: 'Monday' }, { name: 'Tuesday' }] }, 'Days found 2 entries: Monday; Tuesday.'],
    [[], 'Weather found nothing.'],
    [null, 'Weather for Oslo is done.'],
    ['', 'Weather is done.'],
    [true, 'The answer of weather is yes.'],
    [{}, 'Weather answered {}.'],
  ])('%j', (content, sentence) => {
    expect(answer(weather().result(content))).toBe(sentence)
  })

  test('a failure is told', () => {
    expect(answer(weather().result('no such city', true))).toBe('I tried get_weather, but it failed: no such city.')
  })

  test('a number is the result of what was asked', () => {
    const chat = converse()
    chat.say('What is 2 + 3?')
    expect(answer(chat.result({ result: 5 }))).toBe('2 + 3 is 5.')
  })
})

describe('the demo model converses', () => {
  test('and says in every answer what it is', () => {
    for (const message of ['Hello', 'What is 1 + 1?', 'Why?']) {
      const turn = converse([]).say(message)
      expect(turn).toMatchObject({
        text: expect.stringMatching(/Offline demo model; set OPENAI_API_KEY to connect/) as string,
      })
    }
  })

  test('remembers what was said', () => {
    const chat = converse([])
    expect(answer(chat.say('Hello, my name is Ada'))).toContain('Ada')
    expect(answer(chat.say('My favorite color is green.'))).toBe('Noted: your favourite color is green.')
    expect(answer(chat.say('What did I say first?'))).toBe('The first thing you said was "Hello, my name is Ada".')
    expect(answer(chat.say('What is my name?'))).toBe('Your name is Ada, as you told me.')
    expect(answer(chat.say('what is my favourite color?'))).toBe('Your favourite color is green, as you told me.')
    expect(answer(chat.say('What did I just say?'))).toBe('Before this you said "what is my favourite color?".')
    expect(answer(chat.say('How many messages have I sent?'))).toContain('7 messages')
    expect(answer(chat.say('Summarize our conversation'))).toContain('"What is my name?"')
    expect(answer(chat.say('What is my shoe size?'))).toBe('You have not told me your shoe size yet.')
  })

  test('does sums without a tool', () => {
    expect(answer(converse([]).say('What is 6 times 7?'))).toBe('6 * 7 = 42.')
  })

  test('tells what it can do', () => {
    expect(answer(converse().say('What can you do?'))).toContain('get_weather (Get the current weather for a city)')
    expect(answer(converse([]).say('What can you do?'))).toContain('no tools')
  })

  test('says the same twice', () => {
    expect(converse().say('Tell me something')).toEqual(converse().say('Tell me something'))
  })

  test('takes a transcript without a user', () => {
    expect(nextTurn({ messages: [], tools: TOOLS, toolChoice: 'auto', output: undefined, settings: {} }).type).toBe(
      'answer',
    )
  })
})

describe('the demo model answers in a schema', () => {
  const output = {
    name: 'Report',
    schema: object({ city: text, temperatureC: { type: 'number' }, mood: { enum: ['good', 'bad'] }, summary: text }),
  }

  test('after its tools, filled from their results', () => {
    const chat = converse()
    expect(chat.say('What is the weather in Oslo?', { output }).type).toBe('calls')
    const turn = chat.result({ temperature_c: 12 }, false, { output })
    expect(JSON.parse(turn.type === 'answer' ? turn.text : '')).toEqual({
      city: 'Oslo',
      temperatureC: 12,
      mood: 'good',
      summary: expect.stringContaining('In Oslo the temperature is 12 °C') as string,
    })
  })

  test('from the message when there are no tools', () => {
    const turn = converse([]).say('It was bad weather in Oslo, 7 degrees', { output })
    expect(JSON.parse(turn.type === 'answer' ? turn.text : '')).toMatchObject({
      city: 'Oslo',
      temperatureC: 7,
      mood: 'bad',
    })
  })
})

test('names what is attached to the message', () => {
  const media = [
    { id: 'm', kind: 'image', mimeType: 'image/png', name: 'cat.png' },
    { id: 'n', kind: 'file', mimeType: 'text/csv' },
  ] as const
  const message = { role: 'user', id: 'u', createdAt: 0, content: 'What is it?', media } as const
  const turn = nextTurn({ messages: [message], tools: [], toolChoice: 'auto', output: undefined, settings: {} })
  expect(turn).toMatchObject({ type: 'answer', text: expect.stringContaining('the image "cat.png", the file') })
})
