/**
 * What people tell about themselves. Pure.
 * @module
 */

/** What the user told about themselves: `my name is Ada`, `I'm called Ada`, `my favourite colour is blue`. */
export function factsIn(text: string): readonly (readonly [string, string])[] {
  const named =
    /\b(?:i am|i'm|i’m) called ([\p{L}'’-]+)|\bcall me ([\p{L}'’-]+)|\b(?:I am|I'm|I’m) (\p{Lu}[\p{L}'’-]+)\b/u.exec(
      text,
    )
  const name = named?.slice(1).find((group) => group !== undefined)
  const facts = [
    ...text.matchAll(
      /\bmy ((?:[\w-]+ ){0,3}?[\w-]+) (?:is|are|was) ([^.!?,;\n]{1,80}?)(?=\s+and (?:i|my)\b|[.!?,;\n]|$)/gi,
    ),
  ]
  const pairs = facts.map((match) => [normalise(match[1] ?? ''), (match[2] ?? '').trim()] as const)
  return name === undefined ? pairs : [['name', name], ...pairs]
}

/** How a fact is called, however it is spelled. */
export function normalise(name: string): string {
  return name.toLowerCase().replace('favorite', 'favourite').trim()
}
