/** Length codes of deflate (RFC 1951 §3.2.5): base length, and how many extra bits follow, for codes 257 to 284; 285 is 258. */
const LENGTHS: readonly (readonly [base: number, extraBits: number])[] = Array.from({ length: 28 }, (_, index) => {
  const extraBits = index < 8 ? 0 : (index >> 2) - 1
  const base = index < 8 ? index + 3 : ((4 + (index & 3)) << extraBits) + 3
  return [base, extraBits]
})

/** Nine bits, the longest code, back to front. */
const REVERSED = Uint16Array.from({ length: 512 }, (_, code) =>
  Array.from({ length: 9 }, (_unused, bit) => ((code >> bit) & 1) << (8 - bit)).reduce((sum, bit) => sum | bit, 0),
)

const MAX_RUN = 258
/** A shorter run costs fewer bits as literals. */
const MIN_RUN = 4

/**
 * Deflates bytes that are mostly runs, as tar headers are: fixed Huffman codes (RFC 1951 §3.2.6), and matches with the byte before only. Not
 * zlib, whose output differs from one processor and version to the next: the same tree must be the same bytes everywhere, and for ever.
 */
export function deflateRuns(bytes: Uint8Array): Buffer {
  const bits = new BitWriter(bytes.length + 16)
  bits.write(0b011, 3) // the last block, with fixed codes
  for (let position = 0; position < bytes.length;) {
    const byte = bytes[position] ?? 0
    writeLiteral(bits, byte)
    position += 1
    const run = runLength(bytes, position, byte)
    if (run < MIN_RUN) continue
    writeRun(bits, run)
    position += run
  }
  bits.writeCode(0, 7) // end of block
  return bits.finish()
}

function runLength(bytes: Uint8Array, start: number, byte: number): number {
  let end = start
  while (end < bytes.length && bytes[end] === byte) end += 1
  return end - start
}

function writeLiteral(bits: BitWriter, byte: number): void {
  if (byte < 144) bits.writeCode(0x30 + byte, 8)
  else bits.writeCode(0x190 + byte - 144, 9)
}

function writeRun(bits: BitWriter, run: number): void {
  for (let left = run; left > 0;) {
    // What is left must not be too short for a match of its own.
    const length = left > MAX_RUN && left < MAX_RUN + 3 ? left - 3 : Math.min(left, MAX_RUN)
    writeLength(bits, length)
    bits.writeCode(0, 5) // distance 1
    left -= length
  }
}

function writeLength(bits: BitWriter, length: number): void {
  if (length === MAX_RUN) return bits.writeCode(0xc5, 8)
  const index = LENGTHS.findLastIndex(([base]) => base <= length)
  const [base, extraBits] = LENGTHS[index] ?? [0, 0]
  const code = 257 + index
  if (code < 280) bits.writeCode(code - 256, 7)
  else bits.writeCode(0xc0 + code - 280, 8)
  bits.write(length - base, extraBits)
}

/** Deflate's bit order: values from their lowest bit, Huffman codes from their highest. */
class BitWriter {
  readonly #bytes: Buffer
  #length = 0
  #pending = 0
  #count = 0

  /** The output of fixed codes is at most an eighth longer than the input. */
  constructor(inputBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.ceil((inputBytes * 9) / 8) + 16)
  }

  /** At most 16 bits. */
  write(value: number, count: number): void {
    this.#pending |= value << this.#count
    this.#count += count
    while (this.#count >= 8) this.#flushByte()
  }

  writeCode(code: number, count: number): void {
    this.write((REVERSED[code] ?? 0) >> (9 - count), count)
  }

  finish(): Buffer {
    if (this.#count > 0) this.#flushByte()
    return this.#bytes.subarray(0, this.#length)
  }

  #flushByte(): void {
    this.#bytes[this.#length] = this.#pending & 0xff
    this.#length += 1
    this.#pending >>>= 8
    this.#count -= 8
  }
}
