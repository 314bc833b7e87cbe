import { type Clock, systemClock } from '../storage/clock.ts'
import { ResponseCounts, type ResponseTally } from './response-counts.ts'
import { Traffic } from './traffic.ts'

/** What happened since the start; counted where it happens. */
export interface Metrics {
  fileHits: number
  fileMisses: number
  pageHits: number
  pageMisses: number
  pageStale: number
  readonly downloads: DownloadCounts
  /** Bodies only, bytes. */
  bytesFromUpstream: number
  served: Served
  /** The same by day, index and project. */
  readonly traffic: Traffic
}

/** What clients got. */
export interface Served {
  /** Bytes that went out on all connections, headers included. */
  bytesSent(): number
  /** The responses that have a status. What was no HTTP request is not among them. */
  responses(): ResponseTally
}

/** What became of downloads; those that were kept are not counted. */
export interface DownloadCounts {
  /** How often one was taken up again where its connection broke. */
  resumed: number
  /** Served to the end, but not kept: the disk or the store was full. */
  notKept: number
  /** Broken off before the end, by the code of the error. */
  readonly failed: Record<string, number>
}

export function createMetrics(clock: Clock = systemClock): Metrics {
  return {
    fileHits: 0,
    fileMisses: 0,
    pageHits: 0,
    pageMisses: 0,
    pageStale: 0,
    downloads: { resumed: 0, notKept: 0, failed: {} },
    bytesFromUpstream: 0,
    served: { bytesSent: () => 0, responses: () => new ResponseCounts().tally() },
    traffic: new Traffic(clock),
  }
}
