import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './member.ts'
import { leftOver, notDeflate } from './content-refusals.ts'
import {
  DONE,
  type InflateModule,
  MARGIN_BYTES,
  NEEDS_INPUT,
  NEEDS_OUTPUT,
  openInflateModule,
} from './inflate-module.ts'

/** How far a stream can reach back (RFC 1951 §2). */
const WINDOW_BYTES = 32 * 1024

/** Read at once, and given out at once, bytes: they stay in a processor's cache while they are inflated, hashed and written. */
const INPUT_BYTES = 256 * 1024
const PIECE_BYTES = 512 * 1024
/** A piece takes no more input, bytes, whatever comes of it: a tenth of a second at worst, after which others have a turn. */
const PIECE_INPUT_BYTES = 1024 * 1024

/**
 * Unpacks members, one at a time, in memory of its own that it keeps. zlib takes half as long again, and more where it is set up for each of
 * thousands of files, and takes new memory from the system for each piece.
 */
export class Inflater {
  /** Memory to inflate into. */
  readonly rooms: readonly [Buffer, Buffer]
  readonly #module: InflateModule
  readonly #memory: Buffer
  readonly #input: number
  readonly #pieces: readonly [number, number]
  /** How much of the stream was read into memory, and how much of that was not used yet. */
  #read = 0
  #from = 0
  #end = 0

  /** `roomBytes`: of each of {@link rooms}. */
  constructor(roomBytes: number) {
    const pieceBytes = WINDOW_BYTES + PIECE_BYTES
    const total = INPUT_BYTES + 2 * (pieceBytes + roomBytes) + 5 * MARGIN_BYTES
    const { module, memory } = openInflateModule(total)
    this.#module = module
    this.#memory = memory
    let free = module.memoryBegin()
    const take = (size: number): number => {
      const place = free
      free += size + MARGIN_BYTES
      return place
    }
    this.#input = take(INPUT_BYTES)
    this.#pieces = [take(pieceBytes), take(pieceBytes)]
    this.rooms = [this.#bytes(take(roomBytes), roomBytes), this.#bytes(take(roomBytes), roomBytes)]
  }

  /**
   * Inflates a member into a part of one of the rooms; up to 300 bytes behind it may be overwritten. Returns the number of bytes, which is too large
   * where there are more than there is room for. Throws {@link ArchiveRefusedError} for a bad stream, and for bytes that follow it.
   */
  inflate(file: ArchiveFile, member: Member, room: Buffer): number {
    this.#begin(file, member)
    const start = room.byteOffset
    const output = { begin: start, to: start, end: start + room.length }
    while (this.#goOn(file, member, output) === NEEDS_INPUT) output.to = this.#module.outputPosition()
    return this.#module.outputPosition() - start
  }

  /**
   * Inflates a member of any size, in pieces that are gone when the second one after them is asked for. Where little comes of much input they are
   * short, or empty. Throws as {@link inflate} does.
   */
  *inflatePieces(file: ArchiveFile, member: Member): Generator<Buffer> {
    this.#begin(file, member)
    let [room, other] = this.#pieces
    let state = NEEDS_OUTPUT
    for (let done = 0; state !== DONE;) {
      const start = room + WINDOW_BYTES
      const output = { begin: start - Math.min(WINDOW_BYTES, done), to: start, end: start + PIECE_BYTES - 1 }
      const inputEnd = this.#read + PIECE_INPUT_BYTES
      do {
        state = this.#goOn(file, member, output)
        output.to = this.#module.outputPosition()
      } while (state === NEEDS_INPUT && this.#read < inputEnd)
      yield this.#bytes(start, output.to - start)
      this.#memory.copyWithin(other, output.to - WINDOW_BYTES, output.to)
      done += output.to - start
      ;[room, other] = [other, room]
    }
  }

  /** As {@link inflatePieces}, for a member that is stored as it is. */
  *copyPieces(file: ArchiveFile, { dataOffset, compressedSize }: Member): Generator<Buffer> {
    let [room, other] = this.#pieces
    for (let done = 0; done < compressedSize; done += PIECE_BYTES) {
      const piece = this.#bytes(room, Math.min(PIECE_BYTES, compressedSize - done))
      file.read(piece, dataOffset + done)
      yield piece
      ;[room, other] = [other, room]
    }
  }

  #begin(file: ArchiveFile, member: Member): void {
    this.#module.begin()
    this.#read = 0
    this.#from = this.#input
    this.#end = this.#input
    this.#readMore(file, member)
  }

  /** Inflates until the stream has ended, there is no room, or more input was read; returns which of these. */
  #goOn(file: ArchiveFile, member: Member, { begin, to, end }: { begin: number; to: number; end: number }): number {
    const isAll = this.#read === member.compressedSize
    const state = this.#module.inflate(this.#from, this.#end, isAll, begin, to, end)
    this.#from = this.#module.inputPosition()
    if (state === NEEDS_INPUT) this.#readMore(file, member)
    else if (state === DONE && (!isAll || this.#from !== this.#end)) throw leftOver(member)
    else if (state !== DONE && state !== NEEDS_OUTPUT) throw notDeflate(member)
    return state
  }

  #readMore(file: ArchiveFile, { dataOffset, compressedSize }: Member): void {
    const rest = this.#end - this.#from
    this.#memory.copyWithin(this.#input, this.#from, this.#end)
    const length = Math.min(INPUT_BYTES - rest, compressedSize - this.#read)
    file.readOn(this.#bytes(this.#input + rest, length), dataOffset + this.#read)
    this.#read += length
    this.#from = this.#input
    this.#end = this.#input + rest + length
  }

  #bytes(place: number, length: number): Buffer {
    return this.#memory.subarray(place, place + length)
  }
}
