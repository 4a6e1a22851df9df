import { expect, test } from 'vitest'
import { parseRobots } from './robots.ts'
import { cpuMs } from '../testing/cpu-time.ts'

const allows = (text: string, path: string) => parseRobots(text, 'agentos').allows(new URL(path, 'https://example.org'))

test.each([
  ['', '/a', true],
  ['User-agent: *\nDisallow: /private', '/private/a', false],
  ['User-agent: *\nDisallow: /private', '/public', true],
  ['User-agent: *\nDisallow:', '/a', true],
  ['User-agent: *\nDisallow: /a\nAllow: /a/b', '/a/b/c', true],
  ['User-agent: *\nDisallow: /a\nAllow: /a', '/a', true],
  ['User-agent: other\nDisallow: /', '/a', true],
  ['User-agent: other\nUser-agent: *\nDisallow: /', '/a', false],
  ['User-agent: *\nDisallow: /\n\nUser-agent: AgentOS\nDisallow: /only', '/a', true],
  ['User-agent: *\nDisallow: /*.pdf$', '/a/b.pdf', false],
  ['User-agent: *\nDisallow: /*.pdf$', '/a/b.pdf?x=1', true],
  ['User-agent: *\nDisallow: /a*c/', '/abbc/d', false],
  ['user-agent : *\r\nDISALLOW : /a # why not', '/a', false],
  ['Disallow: /', '/a', true],
])('%j: %s is allowed: %s', (text, path, expected) => {
  expect(allows(text, path)).toBe(expected)
})

test('waits as long as it is asked to, up to a point', () => {
  expect(parseRobots('User-agent: *\nCrawl-delay: 2', 'agentos').delayMs).toBe(2000)
  expect(parseRobots('User-agent: *\nCrawl-delay: 3600', 'agentos').delayMs).toBe(5000)
  expect(parseRobots('User-agent: *\nCrawl-delay: x', 'agentos').delayMs).toBe(0)
})

test('finds the sitemaps, wherever they stand', () => {
  expect(parseRobots('Sitemap: https://example.org/a.xml\nUser-agent: x\nSitemap: /b.xml', 'agentos').sitemaps).toEqual(
    ['https://example.org/a.xml', '/b.xml'],
  )
})

test('matches a rule of many stars in time', () => {
  const began = cpuMs()
  expect(allows(`User-agent: *\nDisallow: /${'*a'.repeat(2000)}b$`, `/${'a'.repeat(4000)}`)).toBe(true)
  expect(cpuMs() - began).toBeLessThan(500)
})
