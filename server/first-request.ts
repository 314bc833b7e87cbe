import { Upstream } from './upstream.ts'
import { userAgentOf } from './version.ts'

/** Many times what it takes, milliseconds. */
const LIMIT_MS = 1000

/**
 * Asks the server itself for its health, before anybody else does. The first request that a process sends takes 20 ms longer than the next ones, while
 * undici compiles its parser and Node its client; otherwise the first installer would wait for that. What comes of it does not matter.
 *
 * @param url Where it listens: `http://host:port`.
 */
export async function makeFirstRequest(url: string, signal: AbortSignal): Promise<void> {
  const upstream = new Upstream({
    connectTimeoutMs: LIMIT_MS,
    headersTimeoutMs: LIMIT_MS,
    idleTimeoutMs: LIMIT_MS,
    pageTimeoutMs: LIMIT_MS,
    pageMaxBytes: 1 << 20,
    userAgent: userAgentOf(undefined),
    addresses: { ownHosts: new Set([new URL(url).hostname]) },
  })
  try {
    await upstream.fetchPage({ url: `${url}/health` }, {}, signal)
  } catch {
    // Where it may not connect to itself, the first request is the first client's, as it would be anyway.
  } finally {
    await upstream.close()
  }
}
