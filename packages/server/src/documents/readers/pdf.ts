/**
 * The text of PDF documents, a section for each page that has any.
 * @module
 */
import { getDocumentProxy } from 'unpdf'
import { AgentOSError } from '../../base/errors.ts'
import { tidyText } from '../decode.ts'
import type { Section } from '../section.ts'
import type { FileReader } from './input.ts'

/** What pdf.js calls its failures; all others are damage as well. */
const NEEDS_PASSWORD = 'PasswordException'

export const readPdf: FileReader = async function* ({ bytes, signal }): AsyncGenerator<Section> {
  // A copy: it takes the memory that it is given for its own.
  const pdf = await explain(getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 }), 'it cannot be opened')
  try {
    let hasText = false
    for (let page = 1; page <= pdf.numPages; page++) {
      signal.throwIfAborted()
      const text = tidyText(await explain(readPage(pdf, page), `page ${page} cannot be read`))
      if (text.trim() === '') continue
      hasText = true
      yield { text, metadata: { page } }
    }
    if (!hasText)
      throw new AgentOSError('DOCUMENT_EMPTY', `The PDF has no text on its ${pdf.numPages} pages: is it a scan?`)
  } finally {
    await pdf.loadingTask.destroy()
  }
}

async function readPage(pdf: Awaited<ReturnType<typeof getDocumentProxy>>, number: number): Promise<string> {
  const page = await pdf.getPage(number)
  const { items } = await page.getTextContent()
  page.cleanup()
  return items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('')
}

async function explain<T>(reading: Promise<T>, what: string): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    if (cause instanceof Error && cause.name === NEEDS_PASSWORD) {
      throw new AgentOSError('DOCUMENT_ENCRYPTED', 'The PDF is protected by a password', { cause })
    }
    throw new AgentOSError('DOCUMENT_CORRUPT', `The PDF is damaged: ${what}`, { cause })
  }
}
