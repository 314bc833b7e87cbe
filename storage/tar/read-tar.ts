import type { BlobsInTurn } from '../blobs-in-turn.ts'
import { Pace } from '../pace.ts'
import type { RenditionRange } from './rendition.ts'
import type { TarLayout } from './tar-layout.ts'

/** What is sent at once: small files are gathered. */
const CHUNK_BYTES = 512 << 10

/** The bytes of a tar from `first` to `last`, both included, in chunks that are valid until the next one is asked for. */
export async function* readTar(
  layout: TarLayout,
  range: RenditionRange,
  blobs: BlobsInTurn,
): AsyncGenerator<Uint8Array, undefined> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, range.last + 1 - range.first))
  let filled = 0
  // Headers alone come without a turn of the event loop, and so do writes to a client that takes them as fast as they come.
  const pace = new Pace()
  for (const part of layout.cut(range)) {
    const length = part.kind === 'made' ? part.bytes.length : part.length
    for (let done = 0; done < length;) {
      const count = Math.min(length - done, chunk.length - filled)
      const target = chunk.subarray(filled, filled + count)
      if (part.kind === 'made') target.set(part.bytes.subarray(done, done + count))
      else await blobs.read(part.blake3, target, part.offset + done)
      filled += count
      done += count
      if (filled < chunk.length) continue
      yield chunk
      filled = 0
      if (pace.isDue) await pace.rest()
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
  return undefined
}
