import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici'
import { type AddressPolicy, createLookup } from './link-local.ts'

/** The proxies through which others are asked; undefined: straight. */
export interface Proxies {
  /** URLs. That of http counts for https, too, where that has none. */
  readonly http: string | undefined
  readonly https: string | undefined
  /** Hosts that are asked straight, as NO_PROXY lists them. */
  readonly except: string | undefined
}

export interface AgentOptions {
  readonly connectTimeoutMs: number
  /** From the request to the response's headers. */
  readonly headersTimeoutMs: number
  /** The longest silence inside a body. */
  readonly idleTimeoutMs: number
  /** Per origin; what finds all of them busy waits in order. */
  readonly connections: number
  readonly secureContext: SecureContext | undefined
  readonly addresses: AddressPolicy
  readonly proxies?: Proxies | undefined
}

/**
 * What sends requests, through proxies where there are any. A proxy looks names up by itself, so that {@link AddressPolicy} then holds
 * for addresses in URLs only. It is asked for http URLs as such, since many tunnel to port 443 only. The caller destroys it.
 */
export function createAgent(options: AgentOptions): Dispatcher {
  const { connectTimeoutMs: timeout, secureContext } = options
  const tls = { timeout, ...(secureContext && { secureContext }) }
  const limits = {
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    connections: options.connections,
  }
  return new EnvHttpProxyAgent({
    // Its streams would share connections, which are what is counted.
    allowH2: false,
    connect: { ...tls, lookup: createLookup(options.addresses) },
    requestTls: tls,
    proxyTls: tls,
    proxyTunnel: false,
    // undici forgets the limits on the way to a proxy.
    factory: (origin, given) => new Pool(origin, Object.assign({}, limits, given)),
    clientFactory: (origin, given) => new Pool(origin, Object.assign({ headersTimeout: timeout }, given)),
    // Not from the environment, which is the configuration's.
    httpProxy: options.proxies?.http ?? '',
    httpsProxy: options.proxies?.https ?? '',
    noProxy: options.proxies?.except ?? '',
    ...limits,
  })
}

/**
 * Trusts these certificates (PEM) beside those that Node trusts by itself, which are its own, those of NODE_EXTRA_CA_CERTS, and the
 * system's where Node was told so. Made once, since it takes ten milliseconds.
 */
export function trustAlso(pem: string): SecureContext {
  return createSecureContext({ ca: [...getCACertificates('default'), pem] })
}
