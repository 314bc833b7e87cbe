import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type InflateRaw, inflateRawSync } from 'node:zlib'
import { ArchiveFile } from '../../storage/archive/archive-file.ts'
import type { Member } from '../../storage/archive/member.ts'
import { Inflater } from '../../storage/archive/inflater.ts'
import { ArchiveRefusedError } from '../../storage/errors.ts'
import { diskSyncIo } from '../../storage/io.ts'
import type { TreePath } from '../../storage/names.ts'

/** The largest room that a stream can be inflated into at once. */
export const ROOM_BYTES = 256 * 1024

const GUARD = Buffer.alloc(64, 0xa5)
/** Behind a room as much may be overwritten. */
const OVERRUN_BYTES = 300

/** One for all, so that what one stream leaves behind meets the next. */
const inflater = new Inflater(ROOM_BYTES + 2 * GUARD.length + OVERRUN_BYTES)

/** Undefined where it is no stream, or more than one. */
export function inflateByZlib(packed: Buffer): Buffer | undefined {
  try {
    const result = inflateRawSync(packed, { info: true }) as unknown as { buffer: Buffer; engine: InflateRaw }
    return result.engine.bytesWritten === packed.length ? result.buffer : undefined
  } catch {
    return undefined
  }
}

/** Not deepEqual: of a megabyte it takes minutes to say what differs. */
export function assertSame(found: Buffer | undefined, wanted: Buffer | undefined, name = ''): void {
  if (wanted === undefined || found === undefined) assert.equal(found?.length, wanted?.length, name)
  else assert.ok(found.equals(wanted), `${name}: ${found.length} bytes differ from ${wanted.length}`)
}

/** Streams in a file, and what Arbor makes of each. */
export interface Streams extends AsyncDisposable {
  /** Inflates a stream into a room of so many bytes. Undefined where it is refused. */
  inflate(index: number, roomBytes: number): Buffer | undefined
  /** The same piece by piece. `skipped`: bytes at the stream's beginning that are left out. */
  inflatePieces(index: number, skipped?: number): Buffer | undefined
  pieces(index: number, skipped?: number): Generator<Buffer>
}

export async function openStreams(packed: readonly Buffer[]): Promise<Streams> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-streams-'))
  await writeFile(join(folder, 'streams'), Buffer.concat(packed))
  const file = new ArchiveFile(diskSyncIo, join(folder, 'streams'))
  let end = 0
  const members = packed.map((stream) => memberAt((end += stream.length) - stream.length, stream.length))
  const pieces = (index: number, skipped = 0): Generator<Buffer> => {
    const { dataOffset, compressedSize } = members[index] ?? memberAt(0, 0)
    return inflater.inflatePieces(file, memberAt(dataOffset + skipped, compressedSize - skipped))
  }
  return {
    inflate: (index, roomBytes) =>
      unlessRefused(() => inflateGuarded(file, members[index] ?? memberAt(0, 0), roomBytes)),
    inflatePieces: (index, skipped) =>
      unlessRefused(() => Buffer.concat(Array.from(pieces(index, skipped), (piece) => Buffer.from(piece)))),
    pieces,
    async [Symbol.asyncDispose]() {
      file.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Fails where anything before the room was touched, or more than may be behind it. */
function inflateGuarded(file: ArchiveFile, member: Member, roomBytes: number): Buffer {
  const [memory] = inflater.rooms
  const start = GUARD.length
  const behind = start + roomBytes + OVERRUN_BYTES
  GUARD.copy(memory)
  GUARD.copy(memory, behind)
  try {
    const size = inflater.inflate(file, member, memory.subarray(start, start + roomBytes))
    return Buffer.from(memory.subarray(start, start + size))
  } finally {
    assert.ok(GUARD.equals(memory.subarray(0, start)), 'written before')
    assert.ok(GUARD.equals(memory.subarray(behind, behind + GUARD.length)), 'written behind')
  }
}

function unlessRefused(inflate: () => Buffer): Buffer | undefined {
  try {
    return inflate()
  } catch (error) {
    if (error instanceof ArchiveRefusedError && error.reason === 'deflate') return undefined
    throw error
  }
}

function memberAt(dataOffset: number, compressedSize: number): Member {
  const path = 'member' as TreePath
  return { path, isDirectory: false, isExecutable: false, method: 8, crc32: 0, size: 0, dataOffset, compressedSize }
}
