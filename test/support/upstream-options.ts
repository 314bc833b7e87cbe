import type { UpstreamOptions } from '../../server/upstream.ts'

/** For a host on this machine that answers at once or not at all; a test says what it has otherwise. */
export const upstreamOptions: UpstreamOptions = {
  connectTimeoutMs: 2000,
  headersTimeoutMs: 2000,
  idleTimeoutMs: 2000,
  pageMaxBytes: 1 << 20,
  pageTimeoutMs: 2000,
  userAgent: 'arbor-test',
}
