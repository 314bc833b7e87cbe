import type { Sighting } from '../model.ts'
import type { Candidate } from './candidates.ts'
import type { PrunedDistribution, PrunedDistributions } from './pruning.ts'
import { blake3Of, sha256Of } from './raw-digest.ts'

/** How many distributions one chunk has room for. */
const CHUNK = 256
const DIGEST_BYTES = 32

/** Columns, each by place in the chunk. */
interface Chunk {
  /** Of each distribution its BLAKE3, then its SHA-256. */
  readonly digests: Uint8Array
  readonly sizes: Float64Array
  readonly usedAt: Float64Array
  readonly freedBytes: Float64Array
  readonly reasons: PrunedDistribution['reason'][]
  /** JSON. */
  readonly sightings: string[]
}

/** The distributions that a plan lets go. As objects, a hundred thousand would take 80 MB. */
export class Planned implements PrunedDistributions {
  readonly #chunks: Chunk[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  add(candidate: Candidate, { reason, freedBytes }: Pick<PrunedDistribution, 'reason' | 'freedBytes'>): void {
    const place = this.#length % CHUNK
    if (place === 0) this.#chunks.push(newChunk())
    const chunk = this.#chunks.at(-1)
    if (chunk === undefined) return
    chunk.digests.set(candidate.blake3, 2 * place * DIGEST_BYTES)
    chunk.digests.set(candidate.sha256, (2 * place + 1) * DIGEST_BYTES)
    chunk.sizes[place] = candidate.size
    chunk.usedAt[place] = candidate.usedAt
    chunk.freedBytes[place] = freedBytes
    chunk.reasons.push(reason)
    chunk.sightings.push(candidate.sightings)
    this.#length += 1
  }

  at(index: number): PrunedDistribution | undefined {
    const chunk = this.#chunks[Math.floor(index / CHUNK)]
    const place = index % CHUNK
    const reason = chunk?.reasons[place]
    if (chunk === undefined || reason === undefined) return undefined
    const digest = (which: number): Uint8Array =>
      chunk.digests.subarray((2 * place + which) * DIGEST_BYTES, (2 * place + which + 1) * DIGEST_BYTES)
    return {
      blake3: blake3Of(digest(0)),
      sha256: sha256Of(digest(1)),
      size: chunk.sizes[place] ?? 0,
      sightings: JSON.parse(chunk.sightings[place] ?? '[]') as Sighting[],
      usedAt: chunk.usedAt[place] ?? 0,
      reason,
      freedBytes: chunk.freedBytes[place] ?? 0,
    }
  }

  *[Symbol.iterator](): Generator<PrunedDistribution> {
    for (let index = 0; index < this.#length; index += 1) yield this.at(index)!
  }
}

function newChunk(): Chunk {
  return {
    digests: new Uint8Array(CHUNK * 2 * DIGEST_BYTES),
    sizes: new Float64Array(CHUNK),
    usedAt: new Float64Array(CHUNK),
    freedBytes: new Float64Array(CHUNK),
    reasons: [],
    sightings: [],
  }
}
