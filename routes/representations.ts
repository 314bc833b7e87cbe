import { LRUCache } from 'lru-cache'
import { hashBlake3 } from '../storage/digest.ts'
import { Pace } from '../storage/pace.ts'
import { SingleFlight } from '../storage/single-flight.ts'
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

/** How a source is made into one of its forms. */
export interface Form {
  /** The body, in pieces; called only if it is not in memory. */
  readonly render: () => Iterable<string>
  /** Headers beside those that follow from the bytes. */
  readonly headers: Readonly<Record<string, string>>
  /** Ends each ETag: tells forms apart that may have the same bytes. */
  readonly tag: string
}

const ENCODINGS: Readonly<Record<PageEncoding, number>> = { identity: 0, gzip: 1, zstd: 2 }
const ENCODING_COUNT = 3

/** The most forms that one source can have. */
const MAX_FORMS = 8

/** What was rendered and compressed, kept in memory: once for all who ask for it, at the same time or later. */
export class Representations {
  // The keys are numbers, since putting a string together would take as long as the rest of a look-up.
  readonly #kept: LRUCache<number, Representation>
  readonly #making = new SingleFlight<number, Representation>()
  readonly #rendering = new SingleFlight<number, Encoded>()
  // Ids stand for the sources in keys, so that a kept representation does not keep its source alive.
  readonly #ids = new WeakMap<object, number>()
  #lastId = 0

  /** @param maxBytes of all bodies together. */
  constructor(maxBytes: number) {
    this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ bytes }) => bytes.length + 500 })
  }

  /** What is in memory of a source. `formNumber` (less than {@link MAX_FORMS}) is what the caller calls one of its forms. */
  find(source: object, formNumber: number, encoding: PageEncoding): Representation | undefined {
    return this.#kept.get(this.#keyOf(source, formNumber, encoding))
  }

  /** Makes what {@link find} did not find. Sources are told apart by identity: another object is another page, though it may say the same. */
  make(source: object, formNumber: number, encoding: PageEncoding, form: Form): Promise<Representation> {
    const key = this.#keyOf(source, formNumber, encoding)
    return this.#making.run(key, () => this.#make(source, formNumber, encoding, form))
  }

  async #make(source: object, formNumber: number, encoding: PageEncoding, form: Form): Promise<Representation> {
    const { bytes, etag } = await this.#encode(source, formNumber, encoding, form)
    const coding = encoding === 'identity' ? {} : { 'Content-Encoding': encoding }
    const current = listHeaders({ ...form.headers, ETag: etag, ...coding })
    const made = { bytes, etag, headers: ['Content-Length', String(bytes.length), ...current], current }
    this.#kept.set(this.#keyOf(source, formNumber, encoding), made)
    return made
  }

  /** What a coding is made from is kept only where somebody asks for it as it is: it is five times as large, and nearly all ask for a coding. */
  async #encode(source: object, formNumber: number, encoding: PageEncoding, form: Form): Promise<Encoded> {
    const key = this.#keyOf(source, formNumber, 'identity')
    const identity = this.#kept.get(key) ?? (await this.#rendering.run(key, () => renderWhole(form)))
    if (encoding === 'identity') return identity
    const bytes = await compress(identity.bytes, encoding)
    return { bytes, etag: `${identity.etag.slice(0, -1)}-${encoding}"` }
  }

  #keyOf(source: object, formNumber: number, encoding: PageEncoding): number {
    let id = this.#ids.get(source)
    if (id === undefined) {
      this.#lastId += 1
      id = this.#lastId
      this.#ids.set(source, id)
    }
    return (id * MAX_FORMS + formNumber) * ENCODING_COUNT + ENCODINGS[encoding]
  }
}

type Encoded = Pick<Representation, 'bytes' | 'etag'>

async function renderWhole({ render, tag }: Form): Promise<Encoded> {
  const bytes = await collect(render())
  return { bytes, etag: `"${hashBlake3(bytes).slice(0, 32)}-${tag}"` }
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
