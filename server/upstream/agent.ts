import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { type AddressPolicy, createLookup } from './link-local.ts'

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
}

/**
 * What sends requests: by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where they are set. A proxy looks names up by itself, so that
 * {@link AddressPolicy} then holds for addresses in URLs only. The caller destroys it.
 */
export function createAgent(options: AgentOptions): Dispatcher {
  const { connectTimeoutMs: timeout, secureContext } = options
  const tls = { timeout, ...(secureContext && { secureContext }) }
  return new EnvHttpProxyAgent({
    connect: { ...tls, lookup: createLookup(options.addresses) },
    requestTls: tls,
    proxyTls: tls,
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    connections: options.connections,
  })
}

/**
 * Trusts these certificates (PEM) beside those that Node trusts by itself, which are its own, those of NODE_EXTRA_CA_CERTS, and the
 * system's where Node was told so. Made once, since it takes ten milliseconds.
 */
export function trustAlso(pem: string): SecureContext {
  return createSecureContext({ ca: [...getCACertificates('default'), pem] })
}
