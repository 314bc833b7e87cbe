import { type Blake3, createBlake3 } from '../digest.ts'
import type { Io, IoFile } from '../io.ts'
import { isUnreadable } from './unreadable.ts'

/** What is read and hashed at once: a millisecond's work. */
const CHUNK_BYTES = 1 << 20

/** `damaged`: other bytes, more or fewer than its name promises, or such as the disk cannot read. */
export type FileState = 'sound' | 'damaged' | 'missing'

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
  /** Called after so many bytes were read; the next ones are read when it resolves. */
  readonly onRead?: ((bytes: number) => Promise<void>) | undefined
}

/**
 * Compares a file's bytes, read through a descriptor of its own, with the digest that is its name. Throws the signal's reason, and
 * whatever keeps us from looking that is not the file's fault, as too many open files are not.
 */
export async function checkFile(io: Io, path: string, blake3: Blake3, options: CheckOptions = {}): Promise<FileState> {
  try {
    return await checkOnce(io, path, blake3, options)
  } catch (error) {
    if (!isUnreadable(error)) throw error
  }
  // A sector that is about to fail may give its bytes at the second attempt.
  try {
    return await checkOnce(io, path, blake3, options)
  } catch (error) {
    if (isUnreadable(error)) return 'damaged'
    throw error
  }
}

async function checkOnce(io: Io, path: string, blake3: Blake3, options: CheckOptions): Promise<FileState> {
  const file = await io.openIfPresent(path)
  if (file === undefined) return 'missing'
  try {
    return (await hashFile(file, options)) === blake3 ? 'sound' : 'damaged'
  } finally {
    await file.close().catch(() => {}) // best effort: a file that was only read loses nothing if its closing fails
  }
}

async function hashFile(file: IoFile, { signal, onRead }: CheckOptions): Promise<Blake3> {
  const size = await file.size()
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size))
  const hasher = createBlake3()
  for (let position = 0; position < size;) {
    signal?.throwIfAborted()
    const count = await file.read(buffer, position)
    // It was cut while we read it.
    if (count === 0) break
    hasher.update(buffer.subarray(0, count))
    position += count
    await onRead?.(count)
  }
  return hasher.hex()
}
