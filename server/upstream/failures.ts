import { UpstreamError } from '../errors.ts'
import { redactUrl } from '../redact.ts'

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'])
/** The host was not reached at all: whatever was to be asked of it. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])
/** We could not even ask: descriptors, ports or memory ran out here. */
const OWN = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])
/** What Node says of a certificate chain that ends in nothing that it trusts. */
const UNKNOWN_ISSUER = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
])
const TLS_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH)/
/** What came back is no TLS at all. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])
const CA_ADVICE =
  'if its certificate is from an authority of your own, name that in ca-file, under [upstream], or in ARBOR_CA_FILE'
/** It has no code of its own: with and without a tunnel the status is in what undici says. */
const PROXY_REFUSAL = /\bproxy\b.*\(407\)/i
const PROXY_ADVICE = 'are the name and the password in HTTP_PROXY or HTTPS_PROXY right?'

/** What undici or Node throws, as an {@link UpstreamError}; an abort by the request's own signal, and what is no error of theirs, as it is. */
export function translateError(
  error: unknown,
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
): unknown {
  if (error instanceof UpstreamError) return error
  if (error instanceof DOMException && error.name === 'TimeoutError') return timeout(error, url)
  if (error === signal.reason || error instanceof DOMException || !(error instanceof Error)) return error
  const code = codeOf(error)
  if (TIMEOUTS.has(code)) return timeout(error, url)
  const message = `${redactUrl(url)}: ${redactUrl(describe(error))}`
  if (UNKNOWN_ISSUER.has(code)) {
    // Behind the semicolon Node has advice of its own, for whoever starts it.
    const [problem] = message.split(';')
    return new UpstreamError('ERR_UPSTREAM_UNTRUSTED', `${problem}; ${CA_ADVICE}`, { cause: error })
  }
  if (NO_TLS.has(code)) {
    const problem = `${redactUrl(url)}: what answers there speaks no TLS; is it http, not https?`
    return new UpstreamError('ERR_UPSTREAM_UNTRUSTED', problem, { cause: error })
  }
  if (TLS_CODE.test(code)) return new UpstreamError('ERR_UPSTREAM_UNTRUSTED', message, { cause: error })
  const advice = PROXY_REFUSAL.test(error.message) ? `; ${PROXY_ADVICE}` : ''
  return new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', `${message}${advice}`, { cause: error })
}

/** Was the host not reached at all? Undefined for what is no trouble of the host's. */
export function isHostUnreached(error: unknown): boolean | undefined {
  if (!(error instanceof UpstreamError)) return undefined
  if (error.code !== 'ERR_UPSTREAM_UNAVAILABLE' && error.code !== 'ERR_UPSTREAM_TIMEOUT') return undefined
  const code = error.cause instanceof Error ? codeOf(error.cause) : ''
  return OWN.has(code) ? undefined : UNREACHED.has(code)
}

function timeout(cause: Error, url: string): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_TIMEOUT', `${redactUrl(url)} took too long`, { cause })
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}

/** Node hides what happened behind "fetch failed" or an empty AggregateError message. */
function describe(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined
  return first instanceof Error ? first.message : error.message
}
