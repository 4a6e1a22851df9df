/**
 * Arithmetic on a text: `+ - * / % ^` and parentheses, by recursive descent.
 * @module
 */

/** @returns the value, or undefined when `text` is not an expression or has no finite value */
export function evaluate(text: string): number | undefined {
  const tokens = text.match(/\d+(?:\.\d+)?|[-+*/%^()]/g) ?? []
  if (tokens.join('') !== text.replaceAll(/\s/g, '')) return undefined
  let at = 0
  const take = (...wanted: readonly string[]) => {
    const token = tokens[at]
    if (token === undefined || !wanted.includes(token)) return undefined
    at++
    return token
  }
  const primary = (): number => {
    if (take('-') !== undefined) return -power()
    if (take('(') !== undefined) {
      const inner = sum()
      return take(')') === undefined ? Number.NaN : inner
    }
    const token = tokens[at++]
    return token === undefined ? Number.NaN : Number(token)
  }
  const power = (): number => {
    const base = primary()
    return take('^') === undefined ? base : base ** power()
  }
  const product = (): number => {
    let value = power()
    for (let sign = take('*', '/', '%'); sign !== undefined; sign = take('*', '/', '%')) {
      const right = power()
      value = sign === '*' ? value * right : sign === '/' ? value / right : value % right
    }
    return value
  }
  const sum = (): number => {
    let value = product()
    for (let sign = take('+', '-'); sign !== undefined; sign = take('+', '-')) {
      value += sign === '+' ? product() : -product()
    }
    return value
  }
  const value = sum()
  return at === tokens.length && Number.isFinite(value) ? Number(value.toPrecision(12)) : undefined
}
