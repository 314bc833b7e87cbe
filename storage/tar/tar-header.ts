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

/**
 * A longer path fits into no header without pax, and no more than this of it gets there: 155 bytes, a slash, and 99 characters. The library tries
 * each place to cut it at, from the end, which takes milliseconds for one of hundreds of components.
 */
const MAX_SPLIT_LENGTH = 300

/** The blocks that go before a file's contents: POSIX ustar, after a pax header where a name or size does not fit (POSIX.1-2001). */
export function tarHeader(entry: TarEntry): Buffer {
  const { size, isDirectory, isExecutable } = entry
  const fields = {
    path: nameOf(entry).slice(0, MAX_SPLIT_LENGTH),
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
  return Buffer.concat([new Pax({ path: nameOf(entry), size }).encode(), block])
}

/** The length of {@link tarHeader}, bytes, without making it, which would take a hundred times as long for tens of thousands of files. */
export function tarHeaderLength(entry: TarEntry): number {
  if (isPlain(entry)) return TAR_BLOCK_BYTES
  const pax = Buffer.byteLength(new Pax({ path: nameOf(entry), size: entry.size }).encodeBody())
  return 2 * TAR_BLOCK_BYTES + pax + tarPadding(pax)
}

/** Does an entry need no pax header? Its path is printable ASCII, of which a slash cuts off 100 bytes or less, and at most 155 before them. */
function isPlain({ path, size }: TarEntry): boolean {
  return size < 8 * 1024 ** 3 && path.length - path.lastIndexOf('/', 155) <= 101 && /^[ -~]*$/.test(path)
}

function nameOf({ path, isDirectory }: TarEntry): string {
  return isDirectory ? `${path}/` : path
}

/** The zeros after a file's contents, up to the next block. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
}

/** What a tar ends with. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK_BYTES)
