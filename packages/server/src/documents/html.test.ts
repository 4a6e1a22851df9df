import { expect, test } from 'vitest'
import { readPage } from './html.ts'
import { cpuMs } from './testing/cpu-time.ts'

test('reads what a page says, with its blocks on lines of their own', () => {
  const { text, title } = readPage(`<!doctype html><html><head><title>All &amp; more</title><style>p{}</style></head>
    <body><nav><a href="/">Home</a></nav><h1>Head<br>line</h1><p>One <b>bold</b>word,
    two.</p><ul><li>first<li>second</ul><table><tr><th>a<th>b<tr><td>1<td>2</table>
    <script>ignore()</script><footer>Imprint</footer></body></html>`)
  expect(title).toBe('All & more')
  expect(text).toBe('Head\nline\n\nOne boldword, two.\n\n- first\n- second\n\na | b\n1 | 2')
})

test('takes the article for the page when it says enough', () => {
  const article = 'This is what the page is about. '.repeat(6).trim()
  const { text } = readPage(
    `<div>Cookies?</div><article><header>By Ada</header><p>${article}</p></article><div>More</div>`,
  )
  expect(text).toBe(`By Ada\n\n${article}`)
})

test('takes the whole page when its main part says next to nothing', () => {
  expect(readPage('<main>Loading</main><div>The text that matters stands here.</div>').text).toBe(
    'Loading\n\nThe text that matters stands here.'.replace('\n\n', '\n'),
  )
})

test('leaves out what is hidden and keeps white space where it counts', () => {
  const { text } = readPage(
    '<p hidden>no</p><p aria-hidden="true">no</p><p style="display: none">no</p><pre>a  b\n  c</pre>',
  )
  expect(text).toBe('a  b\n  c')
})

test('says where its headings stand', () => {
  const { text, marks } = readPage(
    '<p>before</p><h2>First <i>part</i></h2><p>one</p><h2></h2><h3>Second</h3><p>two</p>',
  )
  expect(marks.map(({ at, metadata }) => [text.slice(at, at + 6), metadata.heading])).toEqual([
    ['First ', 'First part'],
    ['Second', 'Second'],
  ])
})

test('finds the links that robots may follow, and what the page asks of them', () => {
  const page = readPage(`<base href="/docs/"><meta name="Robots" content="NoIndex"><a href="a">a</a>
    <a href="b" rel="external nofollow">b</a><a name="c">c</a><nav><a href="d">d</a></nav>`)
  expect(page.links).toEqual(['a', 'd'])
  expect(page.robots).toBe('noindex')
  expect(page.base).toBe('/docs/')
})

test('reads a page that is broken in every way', () => {
  expect(readPage('<p>a<div>b</p></span>c<!-- <p>x --> d <b><i>e</b>f').text).toBe('a\n\nb\n\nc d ef')
})

test('refuses a page that nests without end, in time', () => {
  const began = cpuMs()
  expect(() => readPage(`${'<div>'.repeat(500_000)}deep`)).toThrow('nests more than 10000 elements')
  expect(readPage('<p>a'.repeat(200_000)).text).toHaveLength(600_000 - 2)
  expect(cpuMs() - began).toBeLessThan(8000)
})
