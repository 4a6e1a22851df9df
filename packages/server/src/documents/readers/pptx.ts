/**
 * The text of PowerPoint presentations, in the order of the slides: what stands on each, and its notes.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { tidyText } from '../decode.ts'
import type { Mark, Section } from '../section.ts'
import { parseXml } from '../xml.ts'
import { type Archive, openArchive } from '../zip.ts'
import type { FileReader } from './input.ts'
import { readPart, readRelationships } from './office.ts'

const PRESENTATION = 'ppt/presentation.xml'
/** Placeholders that say nothing about the slide. */
const FURNITURE = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg'])

export const readPptx: FileReader = function* ({ bytes, limits }): Generator<Section> {
  const archive = openArchive(bytes, limits.inflatedBytes)
  const parts: string[] = []
  const marks: Mark[] = []
  let length = 0
  let hasText = false
  for (const [index, part] of findSlides(archive).entries()) {
    const slide = readSlide(archive, part)
    hasText ||= slide.text !== ''
    marks.push({ at: length, metadata: { slide: index + 1, ...(slide.title === '' ? {} : { heading: slide.title }) } })
    const text = `Slide ${index + 1}:\n${slide.text === '' ? '(No text)' : slide.text}\n\n`
    parts.push(text)
    length += text.length
  }
  if (!hasText) throw new AgentOSError('DOCUMENT_EMPTY', 'The presentation has no text on its slides')
  yield { text: parts.join(''), metadata: {}, marks }
}

/** Names of the slides' parts, in their order. */
function findSlides(archive: Archive): readonly string[] {
  const relationships = readRelationships(archive, PRESENTATION)
  const slides: string[] = []
  parseXml(readPart(archive, PRESENTATION), {
    open: (name, attributes) => {
      const slide = name === 'sldId' ? relationships.get(attributes['r:id'] ?? '') : undefined
      if (slide !== undefined) slides.push(slide.part)
    },
  })
  return slides
}

function readSlide(archive: Archive, part: string): { readonly title: string; readonly text: string } {
  const { title, text } = readShapes(readPart(archive, part))
  const notes = [...readRelationships(archive, part).values()].find(({ type }) => type === 'notesSlide')
  const noted = notes === undefined ? '' : readShapes(readPart(archive, notes.part)).text
  return { title, text: noted === '' ? text : `${text}\n\nNotes: ${noted}` }
}

function readShapes(bytes: Uint8Array): { readonly title: string; readonly text: string } {
  const lines: string[] = []
  let title = ''
  let placeholder = ''
  let paragraph = ''
  let isText = false
  let skipped = 0
  parseXml(bytes, {
    open: (name, attributes) => {
      if (name === 'Fallback') skipped += 1
      if (name === 'sp') placeholder = ''
      if (name === 'ph') placeholder = attributes['type'] ?? 'body'
      if (name === 't') isText = true
      if (name === 'br') paragraph += '\n'
    },
    text: (text) => (paragraph += isText && skipped === 0 ? text : ''),
    close: (name) => {
      if (name === 'Fallback') skipped -= 1
      if (name === 't') isText = false
      if (name !== 'p') return
      const line = tidyText(paragraph).trim()
      paragraph = ''
      if (line === '' || FURNITURE.has(placeholder)) return
      lines.push(line)
      if (title === '' && /^(ctrT|t)itle$/.test(placeholder)) title = line
    },
  })
  return { title, text: lines.join('\n') }
}
