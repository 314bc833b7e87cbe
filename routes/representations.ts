import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { hashBlake3 } from '../storage/digest.ts'
import { compress } from './compress.ts'
import type { PageEncoding } from './negotiate.ts'

/** A page in one form and one coding, ready to be sent. */
export interface Representation {
  readonly bytes: Buffer
  /** Strong, and another one for each form and coding (RFC 9110 §8.8.3.3). The same after a restart. */
  readonly etag: string
  /** All that go with status 200; not to be changed. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is asked for. */
export interface Wanted {
  /** Names the page and its form: at most one representation per name and coding is kept. */
  readonly name: string
  /** What it is made of: another object under the same name takes the place of what was made of the former one. */
  readonly source: object
  readonly encoding: PageEncoding
  /** Makes the body, in pieces; called only if it is not in memory. */
  readonly render: () => Iterable<string>
  /** Ends each ETag: tells forms apart that may have the same bytes. */
  readonly tag: string
  /** Headers beside those that follow from the bytes. */
  readonly headers: Readonly<Record<string, string>>
}

interface Kept extends Representation {
  readonly version: number
}

/** Renderings do not hold the event loop longer than this at a stretch, milliseconds. */
const TURN_MS = 5

/** What was rendered and compressed, kept in memory: once for all who ask for it, at the same time or later. */
export class Representations {
  readonly #kept: LRUCache<string, Kept>
  readonly #making = new Map<string, Promise<Kept>>()
  // Not the sources themselves: what is kept here must not keep them alive.
  readonly #versions = new WeakMap<object, number>()
  #lastVersion = 0

  /** @param maxBytes of all bodies together. */
  constructor(maxBytes: number) {
    this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ bytes }, key) => bytes.length + key.length + 500 })
  }

  /** What is in memory. */
  find(name: string, encoding: PageEncoding, source: object): Representation | undefined {
    const kept = this.#kept.get(keyOf(name, encoding))
    return kept?.version === this.#versionOf(source) ? kept : undefined
  }

  /** From memory, or made now. */
  async get(wanted: Wanted): Promise<Representation> {
    return this.find(wanted.name, wanted.encoding, wanted.source) ?? (await this.#share(wanted))
  }

  #share(wanted: Wanted): Promise<Kept> {
    const version = this.#versionOf(wanted.source)
    const key = keyOf(wanted.name, wanted.encoding)
    let making = this.#making.get(`${key} ${version}`)
    if (making === undefined) {
      making = this.#make(wanted, key, version).finally(() => this.#making.delete(`${key} ${version}`))
      this.#making.set(`${key} ${version}`, making)
    }
    return making
  }

  async #make(wanted: Wanted, key: string, version: number): Promise<Kept> {
    const { bytes, etag } = await this.#encode(wanted)
    const headers: Record<string, string> = { ...wanted.headers, ETag: etag, 'Content-Length': String(bytes.length) }
    if (wanted.encoding !== 'identity') headers['Content-Encoding'] = wanted.encoding
    const kept = { bytes, etag, headers, version }
    // One that took long must not displace what was made of a newer page meanwhile.
    if ((this.#kept.get(key)?.version ?? 0) <= version) this.#kept.set(key, kept)
    return kept
  }

  async #encode(wanted: Wanted): Promise<Pick<Representation, 'bytes' | 'etag'>> {
    if (wanted.encoding === 'identity') {
      const bytes = await collect(wanted.render())
      return { bytes, etag: `"${hashBlake3(bytes).slice(0, 32)}-${wanted.tag}"` }
    }
    const identity = await this.get({ ...wanted, encoding: 'identity' })
    const bytes = await compress(identity.bytes, wanted.encoding)
    return { bytes, etag: `${identity.etag.slice(0, -1)}-${wanted.encoding}"` }
  }

  #versionOf(source: object): number {
    let version = this.#versions.get(source)
    if (version === undefined) {
      this.#lastVersion += 1
      version = this.#lastVersion
      this.#versions.set(source, version)
    }
    return version
  }
}

function keyOf(name: string, encoding: PageEncoding): string {
  return `${name} ${encoding}`
}

async function collect(pieces: Iterable<string>): Promise<Buffer> {
  const buffers: Buffer[] = []
  let turnStarted = performance.now()
  for (const piece of pieces) {
    buffers.push(Buffer.from(piece))
    if (performance.now() - turnStarted < TURN_MS) continue
    await nextTurn()
    turnStarted = performance.now()
  }
  return Buffer.concat(buffers)
}
