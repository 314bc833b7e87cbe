import { inParallel } from '../blobs/in-parallel.ts'
import type { Blake3 } from '../digest.ts'
import type { TarLayout, TarRange } from './tar-layout.ts'

/** What is sent at once: small files are gathered. */
const CHUNK_BYTES = 512 << 10

/** Files that are read at once, of the four that node's thread pool can read. */
const WIDTH = 3

/** Fills `target` with a blob's bytes from `position`, or rejects. */
export type ReadBlob = (blake3: Blake3, target: Uint8Array, position: number) => Promise<void>

interface Job {
  readonly blake3: Blake3
  readonly target: Uint8Array
  readonly position: number
}

/** The bytes of a tar from `first` to `last`, both included, in chunks that are valid until the next one is asked for. */
export async function* readTar(
  layout: TarLayout,
  range: TarRange,
  read: ReadBlob,
): AsyncGenerator<Uint8Array, undefined> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, range.last + 1 - range.first))
  let filled = 0
  let jobs: Job[] = []
  const finish = (): Promise<void> =>
    inParallel(jobs, WIDTH, ({ blake3, target, position }) => read(blake3, target, position))
  for (const part of layout.cut(range)) {
    const length = part.kind === 'made' ? part.bytes.length : part.length
    for (let done = 0; done < length;) {
      const count = Math.min(length - done, chunk.length - filled)
      const target = chunk.subarray(filled, filled + count)
      if (part.kind === 'made') target.set(part.bytes.subarray(done, done + count))
      else jobs.push({ blake3: part.blake3, target, position: part.offset + done })
      filled += count
      done += count
      if (filled < chunk.length) continue
      await finish()
      yield chunk
      filled = 0
      jobs = []
    }
  }
  await finish()
  if (filled > 0) yield chunk.subarray(0, filled)
  return undefined
}
