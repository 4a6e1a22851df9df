import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reachOf } from './address.ts'

test.each([
  ['1.1.1.1', 'public'],
  ['93.184.215.14', 'public'],
  ['172.32.0.1', 'public'],
  ['100.128.0.1', 'public'],
  ['2606:4700:4700::1111', 'public'],
  ['::ffff:1.1.1.1', 'public'],
  ['64:ff9b::101:101', 'public'],
  ['127.0.0.1', 'private'],
  ['127.255.255.254', 'private'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['198.18.0.1', 'private'],
  ['::1', 'private'],
  ['fd12:3456::1', 'private'],
  ['fec0::1', 'private'],
  ['2001::1', 'private'],
  ['2001:db8::1', 'private'],
  ['2002:7f00:1::', 'private'],
  ['::ffff:127.0.0.1', 'private'],
  ['::ffff:7f00:1', 'private'],
  ['0:0:0:0:0:ffff:a00:1', 'private'],
  ['64:ff9b::7f00:1', 'private'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['0.0.0.0', 'forbidden'],
  ['169.254.169.254', 'forbidden'],
  ['224.0.0.1', 'forbidden'],
  ['255.255.255.255', 'forbidden'],
  ['::', 'forbidden'],
  ['fe80::1', 'forbidden'],
  ['fe80::1%eth0', 'forbidden'],
  ['ff02::1', 'forbidden'],
  ['fd00:ec2::254', 'forbidden'],
  ['::ffff:169.254.169.254', 'forbidden'],
  ['64:ff9b::a9fe:a9fe', 'forbidden'],
  ['64:ff9b::', 'forbidden'],
  ['::7f00:1', 'forbidden'],
  ['4000::1', 'forbidden'],
  ['example.org', 'forbidden'],
  ['', 'forbidden'],
])('%s is %s', (address, reach) => {
  expect(reachOf(address)).toBe(reach)
})

test('an IPv4 address reaches as far when it is written as IPv6', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
      const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
      const reach = reachOf(address)
      for (const written of [`::ffff:${address}`, `::ffff:${high}:${low}`, `64:ff9b::${high}:${low}`]) {
        expect(reachOf(written)).toBe(reach)
      }
    }),
  )
})
