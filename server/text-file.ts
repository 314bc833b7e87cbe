import type { Io } from '../storage/io.ts'

/** A small file as text (UTF-8, without a byte order mark); undefined where there is none. Node's own errors come through. */
export async function readTextFile(io: Io, path: string): Promise<string | undefined> {
  const file = await io.openIfPresent(path)
  if (file === undefined) return undefined
  try {
    const bytes = new Uint8Array(await file.size())
    const length = await file.read(bytes, 0)
    return new TextDecoder().decode(bytes.subarray(0, length))
  } finally {
    await file.close()
  }
}
