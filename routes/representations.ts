import { LRUCache } from 'lru-cache'
import { hashBlake3 } from '../storage/digest.ts'
import { Pace } from '../storage/pace.ts'
import { compress } from './compress.ts'
import type { PageEncoding } from './negotiate.ts'
import { type HeaderList, listHeaders } from './send.ts'

/** A page in one form and one coding, ready to be sent. */
export interface Representation {
  readonly bytes: Buffer
  /** Strong, and another one for each form and coding (RFC 9110 §8.8.3.3). The same after a restart. */
  readonly etag: string
  /** Of a 200. */
  readonly headers: HeaderList
  /** Of a 304. */
  readonly current: HeaderList
}

/** How a page is made into one of its forms. */
export interface Form {
  /** The body, in pieces; called only if it is not in memory. */
  readonly render: () => Iterable<string>
  /** Headers beside those that follow from the bytes. */
  readonly headers: Readonly<Record<string, string>>
  /** Ends each ETag: tells forms apart that may have the same bytes. */
  readonly tag: string
}

const ENCODINGS: Readonly<Record<PageEncoding, number>> = { identity: 0, gzip: 1, zstd: 2 }

/** The most forms that one source can have. */
export const MAX_FORMS = 8

/** What was rendered and compressed, kept in memory: once for all who ask for it, at the same time or later. */
export class Representations {
  // Numbers for keys: to put a string together would cost as much as the rest of a look-up.
  readonly #kept: LRUCache<number, Representation>
  readonly #making = new Map<number, Promise<Representation>>()
  // Not the sources themselves: what is kept here must not keep them alive.
  readonly #ids = new WeakMap<object, number>()
  #lastId = 0

  /** @param maxBytes of all bodies together. */
  constructor(maxBytes: number) {
    this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ bytes }) => bytes.length + 500 })
  }

  /** What is in memory of a source, in the form of that number (less than {@link MAX_FORMS}). */
  find(source: object, form: number, encoding: PageEncoding): Representation | undefined {
    return this.#kept.get(this.#keyOf(source, form, encoding))
  }

  /** Makes what {@link find} did not find. Another source is another page, whatever it holds. */
  make(source: object, number: number, encoding: PageEncoding, form: Form): Promise<Representation> {
    const key = this.#keyOf(source, number, encoding)
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#make(source, number, encoding, form).finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    return making
  }

  async #make(source: object, number: number, encoding: PageEncoding, form: Form): Promise<Representation> {
    const { bytes, etag } = await this.#encode(source, number, encoding, form)
    const coding = encoding === 'identity' ? {} : { 'Content-Encoding': encoding }
    const current = listHeaders({ ...form.headers, ETag: etag, ...coding })
    const made = { bytes, etag, headers: ['Content-Length', String(bytes.length), ...current], current }
    this.#kept.set(this.#keyOf(source, number, encoding), made)
    return made
  }

  async #encode(
    source: object,
    number: number,
    encoding: PageEncoding,
    form: Form,
  ): Promise<Pick<Representation, 'bytes' | 'etag'>> {
    if (encoding === 'identity') {
      const bytes = await collect(form.render())
      return { bytes, etag: `"${hashBlake3(bytes).slice(0, 32)}-${form.tag}"` }
    }
    const identity = this.find(source, number, 'identity') ?? (await this.make(source, number, 'identity', form))
    const bytes = await compress(identity.bytes, encoding)
    return { bytes, etag: `${identity.etag.slice(0, -1)}-${encoding}"` }
  }

  #keyOf(source: object, form: number, encoding: PageEncoding): number {
    let id = this.#ids.get(source)
    if (id === undefined) {
      this.#lastId += 1
      id = this.#lastId
      this.#ids.set(source, id)
    }
    return (id * MAX_FORMS + form) * 3 + ENCODINGS[encoding]
  }
}

async function collect(pieces: Iterable<string>): Promise<Buffer> {
  const buffers: Buffer[] = []
  const pace = new Pace()
  for (const piece of pieces) {
    buffers.push(Buffer.from(piece))
    if (pace.isDue) await pace.rest()
  }
  return Buffer.concat(buffers)
}
