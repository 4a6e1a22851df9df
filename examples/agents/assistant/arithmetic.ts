/** Arithmetic by recursive descent. What a model writes must never reach `eval`. */

type Reader = { readonly tokens: readonly string[]; at: number }

/** @throws {Error} when the text is not an expression; the message goes to the model, which can then correct itself */
export function evaluate(expression: string): number {
  const text = expression
    .replaceAll(/(?<=\d),(?=\d{3})/g, '')
    .replaceAll('×', '*')
    .replaceAll('÷', '/')
  const tokens = text.match(/\d+\.?\d*|\.\d+|[-+*/^%()]|\S/g) ?? []
  const reader: Reader = { tokens, at: 0 }
  const value = readSum(reader)
  if (reader.at < tokens.length) throw new Error(`Unexpected "${tokens[reader.at]}" in "${expression}"`)
  if (!Number.isFinite(value)) throw new Error(`"${expression}" has no finite value`)
  return Number(value.toPrecision(12))
}

function take(reader: Reader, ...wanted: string[]): string | undefined {
  const token = reader.tokens[reader.at]
  if (token === undefined || !wanted.includes(token)) return undefined
  reader.at += 1
  return token
}

function readSum(reader: Reader): number {
  let value = readProduct(reader)
  for (;;) {
    const sign = take(reader, '+', '-')
    if (sign === undefined) return value
    const right = readProduct(reader)
    value = sign === '+' ? value + right : value - right
  }
}

function readProduct(reader: Reader): number {
  let value = readSigned(reader)
  for (;;) {
    const sign = take(reader, '*', '/')
    if (sign === undefined) return value
    const right = readSigned(reader)
    value = sign === '*' ? value * right : value / right
  }
}

function readSigned(reader: Reader): number {
  const sign = take(reader, '-', '+')
  if (sign !== undefined) return sign === '-' ? -readSigned(reader) : readSigned(reader)
  const base = readPercent(reader)
  return take(reader, '^') === undefined ? base : base ** readSigned(reader)
}

function readPercent(reader: Reader): number {
  const value = readAtom(reader)
  return take(reader, '%') === undefined ? value : value / 100
}

function readAtom(reader: Reader): number {
  if (take(reader, '(') !== undefined) {
    const value = readSum(reader)
    if (take(reader, ')') === undefined) throw new Error('A closing parenthesis is missing')
    return value
  }
  const token = reader.tokens[reader.at]
  const value = Number(token)
  if (token === undefined || Number.isNaN(value))
    throw new Error(`Expected a number, got ${token === undefined ? 'the end' : `"${token}"`}`)
  reader.at += 1
  return value
}
