import { lookup as lookUpAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { UpstreamError } from '../errors.ts'

/**
 * Link-local addresses (RFC 3927, RFC 4291 §2.5.6): no index is there, but on clouds the service that hands out the machine's credentials.
 * BlockList recognizes IPv4-mapped addresses by itself; the third subnet is the first one by way of NAT64 (RFC 6052).
 */
const LINK_LOCAL = new BlockList()
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6')
LINK_LOCAL.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
// Clouds that have that service outside of these ranges: with IPv6 AWS, Google and Scaleway; and Alibaba.
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6')
LINK_LOCAL.addAddress('fd20:ce::254', 'ipv6')
LINK_LOCAL.addAddress('fd00:42::42', 'ipv6')
LINK_LOCAL.addAddress('100.100.100.200', 'ipv4')

/** Which addresses are connected to (H9). Loopback and private ones are: company mirrors are there. */
export interface AddressPolicy {
  /** Hosts (`URL.hostname`) that may be link-local all the same: those that are configured. */
  readonly ownHosts: ReadonlySet<string>
  /** By default the system's. */
  readonly lookup?: typeof lookUpAddress | undefined
}

export function isLinkLocal(address: string): boolean {
  const [bare = ''] = address.split('%')
  const family = isIP(bare)
  return family !== 0 && LINK_LOCAL.check(bare, family === 6 ? 'ipv6' : 'ipv4')
}

/** Throws {@link UpstreamError} where the URL itself names such an address. No lookup sees those. */
export function refuseLinkLocal({ hostname }: URL, { ownHosts }: AddressPolicy): void {
  if (isLinkLocal(hostname.replaceAll(/^\[|\]$/g, '')) && !ownHosts.has(hostname)) throw refusal(hostname)
}

/**
 * Looks names up for a connection, and leaves out addresses of the own link. As the connection goes to what comes out of here, a name
 * that means something else the next time is no way around.
 */
export function createLookup({ ownHosts, lookup = lookUpAddress }: AddressPolicy): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = ownHosts.has(hostname) ? found : found.filter(({ address }) => !isLinkLocal(address))
      const [first] = addresses
      if (first === undefined) return callback(refusal(hostname), [])
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function refusal(hostname: string): UpstreamError {
  const message = `${hostname} is an address of the own link, where no files are fetched`
  return new UpstreamError('ERR_UPSTREAM_REFUSED', message)
}
