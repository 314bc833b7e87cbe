import type { Io } from '../storage/io.ts'

/** A small file as text (UTF-8, without a byte order mark); undefined where there is none. Node's own errors come through. */
export async function readTextFile(io: Io, path: string): Promise<string | undefined> {
  const file = await io.openIfPresent(path)
  if (file === undefined) return undefined
  try {
    // One byte more than it says to have: a pipe says none, and would else be taken for an empty file.
    const bytes = new Uint8Array((await file.size()) + 1)
    const length = await file.read(bytes, 0)
    return new TextDecoder().decode(bytes.subarray(0, length))
  } catch (error) {
    // Node's error of an open file does not say which file it is.
    throw error instanceof Error ? Object.assign(error, { path }) : error
  } finally {
    await file.close()
  }
}
