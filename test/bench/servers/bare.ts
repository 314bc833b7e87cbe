import { join } from 'node:path'
import { Forked } from './forked.ts'

/** A response that never changes. */
export interface BareRoute {
  /** Path and query, exactly. */
  readonly path: string
  /** Whose bytes are sent. */
  readonly file: string
  readonly headers: Readonly<Record<string, string>>
  /** `memory`: read once. `stream`: createReadStream for each request. */
  readonly from: 'memory' | 'stream'
}

export type BareOffer = {
  /** Returns the origin, `http://host:port`. */
  start: (nothing: undefined) => Promise<string>
  serve: (routes: readonly BareRoute[]) => Promise<void>
}

/** One Node process with `node:http` and nothing else: as fast as a server in JavaScript can be. */
export interface BareServer extends AsyncDisposable {
  readonly origin: string
  readonly pid: number
  serve(routes: readonly BareRoute[]): Promise<void>
}

export async function startBareServer(): Promise<BareServer> {
  const process = Forked.start<BareOffer>(join(import.meta.dirname, 'bare-main.ts'))
  return {
    origin: await process.call('start', undefined),
    pid: process.pid,
    serve: (routes) => process.call('serve', routes),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}
