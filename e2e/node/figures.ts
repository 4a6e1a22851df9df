/**
 * What the tests measure, told at the end of a file: one line each, `figure NAME VALUE`, so that a person and a script can
 * read them.
 * @module
 */

export type Figures = {
  readonly tell: (name: string, value: number | string) => void
}

const MAX_FIGURES = 60

export function createFigures(): Figures {
  let told = 0
  return {
    tell: (name, value) => {
      if (++told > MAX_FIGURES) throw new RangeError(`more than ${MAX_FIGURES} figures`)
      const text = typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : value
      console.log(`figure ${name}: ${text}`)
    },
  }
}
