import ipaddr from 'ipaddr.js'

/** Global unicast (RFC 4291 section 2.4): of IPv6 nothing else can be reached over the Internet. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/** Addresses that look public and are not, beside those that ipaddr.js knows. */
const special = [
  // Documentation, RFC 9637.
  ipaddr.parseCIDR('3fff::/20'),
  // The host agent of Azure, which answers its virtual machines alone.
  ipaddr.parseCIDR('168.63.129.16/32'),
]

/**
 * Whether an IP address is one of the public Internet: neither private, loopback, link-local (where
 * clouds keep their metadata), shared, unique local, mapped or translated from IPv4, nor reserved
 * (the registries of RFC 6890). What is no address is not public.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text) || text.includes('%')) return false
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast)) return false
  return !special.some(
    ([range, bits]) => range.kind() === address.kind() && address.match(range, bits),
  )
}
