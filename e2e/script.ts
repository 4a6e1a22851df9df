/**
 * Scripts for the fake provider, put into a message: what it answers stands in bench/provider/script.ts.
 * @module
 */

/** `true` for an item without a value; objects become JSON. */
export type Items = Readonly<Record<string, string | number | boolean | object | undefined>>

/** `fake({ tool: 'act', args: { id: 'a' } })` is `[fake:tool=act,args=%7B%22id%22%3A%22a%22%7D]`. */
export function fake(items: Items): string {
  const parts = Object.entries(items).flatMap(([key, value]) => {
    if (value === undefined || value === false) return []
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    return value === true ? [key] : [`${key}=${text.split('|').map(encodeURIComponent).join('|')}`]
  })
  return `[fake:${parts.join(',')}]`
}
