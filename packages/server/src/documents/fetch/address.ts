/**
 * Which addresses may be connected to. A URL that somebody sends must not reach what only this machine, its cluster or
 * its cloud can reach.
 * @module
 */
import { BlockList, isIP } from 'node:net'

/** IPv4 that is not public (IANA special-purpose registry). */
const PRIVATE_IPV4 = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
] as const

/** Never a document, not even within a cluster: link-local, where clouds hand out keys, multicast, "this network". */
const FORBIDDEN_IPV4 = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'] as const

/** The global addresses are all in 2000::/3; these are in it and are not global. */
const PRIVATE_IPV6 = [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  'fc00::/7',
  '::1/128',
  'fec0::/10',
] as const
const GLOBAL_IPV6 = ['2000::/3'] as const
/** As above; the last one is where Amazon hands out keys. */
const FORBIDDEN_IPV6 = ['::/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::/32'] as const
/** IPv4 written as IPv6, by operating systems and by translators. */
const EMBEDDED_IPV4 = ['::ffff:0:0/96', '64:ff9b::/96'] as const

export type Reach = 'public' | 'private' | 'forbidden'

const LISTS = {
  privateIpv4: listOf(PRIVATE_IPV4, 'ipv4'),
  forbiddenIpv4: listOf(FORBIDDEN_IPV4, 'ipv4'),
  privateIpv6: listOf(PRIVATE_IPV6, 'ipv6'),
  globalIpv6: listOf(GLOBAL_IPV6, 'ipv6'),
  forbiddenIpv6: listOf(FORBIDDEN_IPV6, 'ipv6'),
  embeddedIpv4: listOf(EMBEDDED_IPV4, 'ipv6'),
}

/** @param address IPv4 in dots, or IPv6 without brackets; anything else is forbidden */
export function reachOf(address: string): Reach {
  const family = isIP(address)
  if (family === 4) return reachOfIpv4(address)
  if (family !== 6 || address.includes('%')) return 'forbidden'
  if (LISTS.embeddedIpv4.check(address, 'ipv6')) return reachOfIpv4(lastFourBytes(address))
  if (LISTS.forbiddenIpv6.check(address, 'ipv6')) return 'forbidden'
  if (LISTS.privateIpv6.check(address, 'ipv6')) return 'private'
  return LISTS.globalIpv6.check(address, 'ipv6') ? 'public' : 'forbidden'
}

function reachOfIpv4(address: string): Reach {
  if (LISTS.forbiddenIpv4.check(address, 'ipv4')) return 'forbidden'
  return LISTS.privateIpv4.check(address, 'ipv4') ? 'private' : 'public'
}

/** Of an IPv6 address, as IPv4 in dots; both of its spellings end with them. */
function lastFourBytes(address: string): string {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0]
  if (dotted !== undefined) return dotted
  // The parser of URLs writes every address in its shortest form, where two groups at the end are never left out together
  // unless they are zero.
  const [, url] = /^\[(.*)\]$/.exec(new URL(`http://[${address}]`).hostname) ?? []
  const groups =
    (url ?? '')
      .split('::')
      .at(-1)
      ?.split(':')
      .filter((group) => group !== '') ?? []
  const [high = 0, low = 0] = ['0', '0', ...groups].slice(-2).map((group) => Number.parseInt(group, 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function listOf(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits = ''] = subnet.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
