import { ArchiveRefusedError } from '../errors.ts'
import type { SyncIo } from '../io.ts'
import type { Filename } from '../names.ts'
import { findMetadataPath } from '../wheel-metadata.ts'
import { ArchiveFile } from './archive-file.ts'
import { isWhole, readMember } from './contents.ts'
import { type DirectoryRecord, readDirectory } from './directory.ts'
import { type ArchiveEnd, readEnd } from './end-record.ts'
import { readLenientMetadata } from './lenient-metadata.ts'
import { readHeader } from './local-headers.ts'
import { assertDistinctPaths } from './paths.ts'
import { DEFAULT_LIMITS } from './policy.ts'

/**
 * The first request, bytes: as far from the end as an end record can be, with the locator of ZIP64 before it, where yauzl looks for both. For
 * most wheels nothing else is needed.
 */
const TAIL_BYTES = 22 + 0xffff + 20

/**
 * What is read before a directory that does not fit into the tail, bytes: there ends the .dist-info folder, METADATA with licences and RECORD behind
 * it, and a round trip costs more. RECORD takes up to half as much as the directory.
 */
const BEFORE_DIRECTORY_BYTES = 64 * 1024

/** The tail, the directory, the member, and once more for what is not where it usually is. */
const MAX_REQUESTS = 4

/** The largest directory ever met has a tenth of it, bytes. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024

/** Reads a part of a wheel that is somewhere else, both ends included. Undefined where that is impossible. */
export type ReadPart = (range: { readonly first: number; readonly last: number }) => Promise<Uint8Array | undefined>

/**
 * The METADATA of a wheel of `size` bytes of which only parts are read: the end, the central directory, the member, which has the length
 * and CRC-32 that the directory says. What is read is held to the same rules as a stored archive; where it breaks them, which takes away the
 * tree but not the wheel, METADATA is read as installers do. Undefined where a part is not to be had. Throws {@link ArchiveRefusedError} for
 * an archive that cannot be read so either, or that has no METADATA all installers agree on.
 */
export async function readRemoteMetadata(
  wheel: Filename,
  size: number,
  readPart: ReadPart,
): Promise<Uint8Array | undefined> {
  const parts = new Parts(size)
  let missing: Missing = { first: Math.max(0, size - TAIL_BYTES), last: size - 1 }
  for (let requests = 0; requests < MAX_REQUESTS; requests += 1) {
    const bytes = await readPart(missing)
    if (bytes === undefined) return undefined
    parts.add(missing.first, bytes)
    const outcome = parts.attempt((file) => readMetadata(wheel, file))
    if (outcome instanceof Uint8Array) return outcome
    missing = parts.widen(outcome)
  }
  throw new ArchiveRefusedError('limit', 'its metadata is scattered over the archive')
}

function readMetadata(wheel: Filename, file: ArchiveFile): Uint8Array {
  try {
    return readStrictly(wheel, file)
  } catch (error) {
    const read = error instanceof ArchiveRefusedError ? readLenientMetadata(wheel, file) : undefined
    if (read === undefined) throw error
    return read
  }
}

function readStrictly(wheel: Filename, file: ArchiveFile): Uint8Array {
  const end = readEnd(file)
  const records = readDirectory(file, end, DEFAULT_LIMITS)
  assertDistinctPaths(records, DEFAULT_LIMITS.maxEntries)
  const files = records.filter(({ isDirectory }) => !isDirectory)
  const path = findMetadataPath(
    wheel,
    files.map((record) => record.path),
  )
  const record = files.find((candidate) => candidate.path === path)
  if (record === undefined) throw new ArchiveRefusedError('name', 'the wheel has not exactly one METADATA')
  const member = { ...record, dataOffset: readHeader(file, record, boundaryOf(record, records, end)) }
  if (!isWhole(member)) throw new ArchiveRefusedError('limit', 'it is too large', record.path)
  return Uint8Array.from(readMember(file, member))
}

function boundaryOf(record: DirectoryRecord, records: readonly DirectoryRecord[], end: ArchiveEnd): number {
  return records.reduce(
    (boundary, { offset }) => (offset > record.offset && offset < boundary ? offset : boundary),
    end.directoryOffset,
  )
}

interface Missing {
  readonly first: number
  readonly last: number
}

/** Thrown through the archive's reader, to fetch what it wanted and start again. */
class MissingPartError extends Error {
  readonly missing: Missing

  constructor(missing: Missing) {
    super('a part of the archive is not here')
    this.missing = missing
  }
}

function refuse(): never {
  throw new Error('parts are only read')
}

/** The parts of a file that were read so far, in place of the file. */
class Parts {
  readonly #size: number
  readonly #parts: { readonly first: number; readonly bytes: Uint8Array }[] = []

  constructor(size: number) {
    this.#size = size
  }

  add(first: number, bytes: Uint8Array): void {
    const behind = this.#parts.findIndex((part) => part.first === first + bytes.length)
    const [next] = behind === -1 ? [] : this.#parts.splice(behind, 1)
    this.#parts.push({ first, bytes: next === undefined ? bytes : Buffer.concat([bytes, next.bytes]) })
  }

  /** What to fetch where this range is missing. If it reaches into the tail, as a directory does: the part before the tail, and what precedes that. */
  widen({ first, last }: Missing): Missing {
    const tail = this.#parts.find((part) => part.first + part.bytes.length === this.#size)
    if (tail === undefined || last + 1 < tail.first) return { first, last }
    const before = BEFORE_DIRECTORY_BYTES + Math.ceil((this.#size - first) / 2)
    return { first: Math.max(0, first - before, tail.first - MAX_REQUEST_BYTES), last: tail.first - 1 }
  }

  attempt(read: (file: ArchiveFile) => Uint8Array): Uint8Array | Missing {
    const file = new ArchiveFile(this.#io(), '')
    try {
      return read(file)
    } catch (error) {
      if (error instanceof MissingPartError) return error.missing
      throw error
    }
  }

  #io(): SyncIo {
    return {
      open: () => 0,
      size: () => this.#size,
      close: () => {},
      read: (_descriptor, buffer, position) => this.#read(buffer, position),
      create: refuse,
      append: refuse,
      appendBeside: refuse,
      remove: refuse,
    }
  }

  #read(buffer: Uint8Array, position: number): number {
    const length = Math.min(buffer.length, this.#size - position)
    const part = this.#parts.find(({ first, bytes }) => position >= first && position + length <= first + bytes.length)
    if (part === undefined) {
      if (length > MAX_REQUEST_BYTES) throw new ArchiveRefusedError('limit', `${length} bytes of directory`)
      throw new MissingPartError({ first: position, last: position + length - 1 })
    }
    buffer.set(part.bytes.subarray(position - part.first, position - part.first + length))
    return length
  }
}
