import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/kernel/public-address.ts'

describe('an address of the public Internet', () => {
  test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '192.167.255.255', '2606:4700::1111', '2a00::1'])(
    '%s is one',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )
})

describe('no address of the public Internet', () => {
  test.each([
    ['this network', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['shared by carriers', '100.64.0.1'],
    ['metadata in the shared range', '100.100.100.200'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['link-local metadata', '169.254.169.254'],
    ['link-local metadata', '169.254.170.2'],
    ['protocol assignments', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['relay anycast', '192.88.99.1'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['the host agent of Azure', '168.63.129.16'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['compatible with IPv4', '::127.0.0.1'],
    ['mapped from IPv4', '::ffff:127.0.0.1'],
    ['mapped from public IPv4', '::ffff:8.8.8.8'],
    ['mapped from IPv4, in hexadecimal', '::ffff:7f00:1'],
    ['translated from IPv4', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::a00:1'],
    ['NAT64 of the local network', '64:ff9b:1::1'],
    ['discard', '100::1'],
    ['6to4', '2002:7f00:1::1'],
    ['Teredo', '2001::1'],
    ['benchmarks', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['segment routing', '5f00::1'],
    ['unique local', 'fc00::1'],
    ['unique local metadata', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['public with a zone', '2606:4700::1111%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['unassigned', '4000::1'],
    ['no address', 'localhost'],
    ['no address', ''],
  ])('%s: %s', (_what, address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test('whatever IPv4 address an IPv6 address is made from', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(octet, octet, octet, octet, (...octets) => {
        const ipv4 = octets.join('.')
        for (const prefix of ['::', '::ffff:', '::ffff:0:', '64:ff9b::'])
          expect(isPublicAddress(`${prefix}${ipv4}`)).toBe(false)
      }),
    )
  })
})
