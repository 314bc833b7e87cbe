/** What happened since the start; counted where it happens. */
export interface Metrics {
  fileHits: number
  fileMisses: number
  pageHits: number
  pageMisses: number
  pageStale: number
  /** Bodies only, bytes. */
  bytesFromUpstream: number
  /** Bytes that went out on all connections, headers included. */
  bytesServed: () => number
}

export function createMetrics(): Metrics {
  return {
    fileHits: 0,
    fileMisses: 0,
    pageHits: 0,
    pageMisses: 0,
    pageStale: 0,
    bytesFromUpstream: 0,
    bytesServed: () => 0,
  }
}
