import { join } from 'node:path'
import type { Quirks } from '../../support/upstream/quirks.ts'
import type { Variant } from '../wheels/variant.ts'
import { Forked } from './forked.ts'

/** A project with many files, none of which is ever fetched. */
export interface Listing {
  readonly project: string
  readonly files: number
}

export interface UpstreamSetup {
  /** Folders of wheels. */
  readonly folders?: readonly string[]
  readonly listings?: readonly Listing[]
  readonly variants?: readonly Variant[]
  readonly quirks?: Partial<Quirks>
}

/** What was asked of the upstream. */
export interface UpstreamCounts {
  /** GETs of distributions. */
  readonly downloads: number
  /** Bytes of distributions that were sent. */
  readonly bytes: number
  readonly requests: number
}

export type UpstreamOffer = {
  /** Returns the index URL. */
  start: (setup: UpstreamSetup) => Promise<string>
  setQuirks: (quirks: Partial<Quirks>) => void
  /** Since the last call. */
  takeCounts: (nothing: undefined) => UpstreamCounts
}

/** The loopback index of the tests, in a process of its own. */
export interface BenchUpstream extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  setQuirks(quirks: Partial<Quirks>): Promise<void>
  takeCounts(): Promise<UpstreamCounts>
}

export async function startBenchUpstream(setup: UpstreamSetup): Promise<BenchUpstream> {
  const process = Forked.start<UpstreamOffer>(join(import.meta.dirname, 'upstream-main.ts'))
  try {
    const url = await process.call('start', setup)
    return {
      url,
      pid: process.pid,
      setQuirks: (quirks) => process.call('setQuirks', quirks),
      takeCounts: () => process.call('takeCounts', undefined),
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    }
  } catch (error) {
    await process[Symbol.asyncDispose]()
    throw error
  }
}
