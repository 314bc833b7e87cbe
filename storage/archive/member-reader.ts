import { crc32 } from 'node:zlib'
import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './member.ts'
import { wrongChecksum, wrongSize } from './content-refusals.ts'
import { assertContents } from './contents.ts'
import type { Inflater } from './inflater.ts'

/** Reads all members of an archive, one after the other. */
export class MemberReader {
  readonly #file: ArchiveFile
  readonly #inflater: Inflater

  constructor(file: ArchiveFile, inflater: Inflater) {
    this.#file = file
    this.#inflater = inflater
  }

  /**
   * Reads a member that {@link isWhole} into `room`, which has its size and is part of one of the inflater's rooms; what is behind it there is lost.
   * Throws {@link ArchiveRefusedError} (test/hostile, rows 15 to 19).
   */
  read(member: Member, room: Buffer): void {
    if (member.method === 0) {
      if (member.compressedSize !== member.size) throw wrongSize(member)
      this.#file.readOn(room, member.dataOffset)
    } else if (this.#inflater.inflate(this.#file, member, room) !== member.size) throw wrongSize(member)
    assertContents(room, member)
  }

  /**
   * A member of any size, in pieces that are gone when the second one after them is asked for. Nothing beyond the promised size comes out, but only
   * the end of the iteration says that what came is right. Throws {@link ArchiveRefusedError}, or the signal's reason.
   */
  *readPieces(member: Member, signal: AbortSignal): Generator<Buffer> {
    const pieces =
      member.method === 0
        ? this.#inflater.copyPieces(this.#file, member)
        : this.#inflater.inflatePieces(this.#file, member)
    let size = 0
    let checksum = 0
    for (const piece of pieces) {
      signal.throwIfAborted()
      size += piece.length
      if (size > member.size) throw wrongSize(member)
      checksum = crc32(piece, checksum)
      yield piece
    }
    if (size !== member.size) throw wrongSize(member)
    if (checksum !== member.crc32) throw wrongChecksum(member)
  }
}
