import { createHash } from 'node:crypto'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import type { Random } from '../../support/random.ts'

/** A file's contents, known only by what an archive says of them: the bytes themselves need never be in memory. */
export interface PackedContent {
  /** 0 stored, 8 deflated. */
  readonly method: number
  readonly compressed: Buffer
  readonly crc32: number
  readonly size: number
  /** Base64url, as RECORD has it. */
  readonly sha256: string
}

const MIB = 1024 * 1024
/** Far larger than deflate's window, so that to repeat it changes no ratio. */
const BLOCK_BYTES = 8 * MIB

/** Bytes that look random and are the same each time. */
export function randomBytesFrom(random: Random, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let at = 0; at < size - 3; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at)
  for (let at = size & ~3; at < size; at += 1) bytes[at] = random.below(256)
  return bytes
}

/**
 * A block that deflates to three tenths and inflates as fast as a large native library does (numpy's OpenBLAS, measured): words of
 * three to ten bytes, few of them often and most of them seldom.
 */
export function makeBlock(random: Random): Buffer {
  const words = Array.from({ length: 512 }, () => randomBytesFrom(random, 3 + random.below(8)))
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let at = 0; at < BLOCK_BYTES;) {
    const skewed = (random.below(1_000_000) / 1_000_000) ** 3
    at += words[Math.floor(skewed * words.length)]?.copy(block, at) ?? 0
  }
  return block
}

/** Some bytes that are in memory. */
export function packContent(bytes: Buffer, method: number): PackedContent {
  return {
    method,
    compressed: method === 8 ? deflateRawSync(bytes) : bytes,
    crc32: crc32(bytes),
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('base64url'),
  }
}

/** One block again and again until there are `size` bytes, deflated once: a full flush makes the pieces of a stream independent. */
export function packRepeated(block: Buffer, size: number): PackedContent {
  const sha256 = createHash('sha256')
  const piece = deflateRawSync(block, { finishFlush: constants.Z_FULL_FLUSH })
  const rest = block.subarray(0, size % block.length)
  const pieces: Buffer[] = []
  let checksum = 0
  for (let left = size - rest.length; left > 0; left -= block.length) {
    pieces.push(piece)
    sha256.update(block)
    checksum = crc32(block, checksum)
  }
  return {
    method: 8,
    compressed: Buffer.concat([...pieces, deflateRawSync(rest)]),
    crc32: crc32(rest, checksum),
    size,
    sha256: sha256.update(rest).digest('base64url'),
  }
}
