import { Header, Pax } from 'tar'

export const TAR_BLOCK_BYTES = 512

/** Trees have no times; this is where zip archives begin, since some tools cannot go further back. */
const MTIME = new Date('1980-01-01T00:00:00Z')

export interface TarEntry {
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly isDirectory: boolean
  readonly isExecutable: boolean
}

/** The blocks that go before a file's contents: POSIX ustar, after a pax header where a name or size does not fit (POSIX.1-2001). */
export function tarHeader({ path, size, isDirectory, isExecutable }: TarEntry): Buffer {
  const fields = {
    path: isDirectory ? `${path}/` : path,
    size,
    mode: isDirectory || isExecutable ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: MTIME,
    type: isDirectory ? 'Directory' : 'File',
  } as const
  const block = Buffer.alloc(TAR_BLOCK_BYTES)
  const header = new Header(fields)
  if (!header.encode(block)) return block
  return Buffer.concat([new Pax({ path: fields.path, size }).encode(), block])
}

/** The zeros after a file's contents, up to the next block. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
}

/** What a tar ends with. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK_BYTES)
