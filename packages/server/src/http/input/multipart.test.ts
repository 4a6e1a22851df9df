import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundaryOf, readParts } from './multipart.ts'

type Read = { readonly name: string; readonly filename: string | undefined; readonly text: string }

/** The parts of `body`, cut into chunks of `size` bytes. */
async function read(body: Uint8Array, boundary: string, size = body.length): Promise<Read[]> {
  const parts: Read[] = []
  for await (const { name, filename, data } of readParts(cut(body, Math.max(1, size)), boundary)) {
    const pieces: Uint8Array[] = []
    for await (const piece of data) pieces.push(Buffer.from(piece))
    parts.push({ name, filename, text: Buffer.concat(pieces).toString('latin1') })
  }
  return parts
}

async function* cut(body: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

test('reads what fetch writes, wherever the chunks end', async () => {
  const parts = fc.array(fc.tuple(fc.stringMatching(/^\w+$/), fc.uint8Array({ maxLength: 300 }), fc.boolean()))
  await fc.assert(
    fc.asyncProperty(parts, fc.integer({ min: 1, max: 80 }), async (given, size) => {
      const form = new FormData()
      for (const [name, bytes, isFile] of given) {
        if (isFile) form.append(name, new Blob([Buffer.from(bytes)]), 'a.bin')
        else form.append(name, Buffer.from(bytes).toString('hex'))
      }
      const request = new Request('http://localhost', { method: 'POST', body: form })
      const boundary = boundaryOf(request.headers.get('content-type') ?? '')
      const body = new Uint8Array(await request.arrayBuffer())
      expect(await read(body, boundary, size)).toEqual(
        given.map(([name, bytes, isFile]) => ({
          name,
          filename: isFile ? 'a.bin' : undefined,
          text: Buffer.from(bytes).toString(isFile ? 'latin1' : 'hex'),
        })),
      )
    }),
    { numRuns: 60 },
  )
})

test.each([
  ['plain', 'name="file"; filename="report.pdf"', 'report.pdf'],
  ['with a path', String.raw`name="file"; filename="C:\dir\report.pdf"`, 'report.pdf'],
  ['that climbs', 'name="file"; filename="../../etc/passwd"', 'passwd'],
  ['with quotes of curl', String.raw`name="file"; filename="a\"b.pdf"`, 'a"b.pdf'],
  ['with quotes of a browser', 'name="file"; filename="a%22b.pdf"', 'a"b.pdf'],
  ['in UTF-8', 'name="file"; filename="naïve.pdf"', 'naïve.pdf'],
  ['extended', `name="file"; filename="x"; filename*=UTF-8''na%C3%AFve.pdf`, 'naïve.pdf'],
])('reads a file name %s', async (_, disposition, filename) => {
  const body = Buffer.from(`--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\nx\r\n--b--\r\n`)
  expect(await read(body, 'b')).toEqual([{ name: 'file', filename, text: 'x' }])
})

test('skips what stands before the first boundary and after the last one', async () => {
  const body = Buffer.from('hello\r\n--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n--b--\r\nbye')
  expect(await read(body, 'b', 3)).toEqual([{ name: 'a', filename: undefined, text: '' }])
})

test('refuses what ends within a part, has no name or no end of its headers', async () => {
  const bodies = [
    '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nhi',
    '--b\r\ncontent-disposition: form-data\r\n\r\nhi\r\n--b--',
    '--b\r\n\r\nhi\r\n--b--',
    '--bx\r\n\r\nhi\r\n--b--',
    '',
  ]
  for (const body of bodies) await expect(read(Buffer.from(body), 'b')).rejects.toThrow(/multipart body/)
  const endless = `--b\r\ncontent-disposition: ${'x'.repeat(20_000)}`
  await expect(read(Buffer.from(endless), 'b', 1000)).rejects.toThrow('too many headers')
})

test('finds the boundary that a type names, and refuses one without', () => {
  expect(boundaryOf('multipart/form-data; boundary=a-b')).toBe('a-b')
  expect(boundaryOf('multipart/form-data; charset=x; boundary="a b"')).toBe('a b')
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', `x; boundary=${'b'.repeat(71)}`])
    expect(() => boundaryOf(type)).toThrow('no valid boundary')
})
