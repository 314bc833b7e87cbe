/**
 * Huffman codes as tables in which to look up the next bits of a stream (RFC 1951 §3.2). A table has an entry for each value of so many bits;
 * codes that are longer lead to a second table behind it. An entry has 32 bits:
 *
 *     0–7    bits to take from the stream, with those that follow the code
 *     8–12   bits of the code alone; for SUBTABLE, those by which the second table is looked up
 *     13–15  flags
 *     16–30  the literal, the least length, the least distance; for SUBTABLE, the place of the second table
 *     31     is it a literal?
 */

export const LITERAL: u64 = 0x8000_0000
/** Neither literal nor length nor distance: one of the next two, or a code that means nothing. */
export const SPECIAL: u64 = 0x8000
export const SUBTABLE: u64 = 0x4000
export const END_OF_BLOCK: u64 = 0x2000

const LITERALS: u32 = 288
const DISTANCES: u32 = 32
export const LENGTH_CODES: u32 = 19
const END_SYMBOL: u32 = 256
const MAX_BITS: u32 = 15

/** Bits of the first tables. Few codes are longer, and so the tables stay in a processor's cache. */
const LITERAL_BITS: u32 = 11
const DISTANCE_BITS: u32 = 8
export const LENGTH_CODE_BITS: u32 = 7

/** No more than half of the symbols can lead to a second table, as the code is complete. */
export const literalTable = memory.data(4 * ((1 << LITERAL_BITS) + ((LITERALS / 2) << (MAX_BITS - LITERAL_BITS))), 16)
export const distanceTable = memory.data(
  4 * ((1 << DISTANCE_BITS) + ((DISTANCES / 2) << (MAX_BITS - DISTANCE_BITS))),
  16,
)
export const lengthCodeTable = memory.data(4 << LENGTH_CODE_BITS, 16)

/** A byte for each symbol: of literals and lengths, with those of distances right behind the last that is used. */
export const codeLengths = memory.data(LITERALS + DISTANCES)
export const lengthCodeLengths = memory.data(LENGTH_CODES)

/** What all entries of a symbol have in common. */
const literalSymbols = memory.data(4 * LITERALS, 4)
const distanceSymbols = memory.data(4 * DISTANCES, 4)
const lengthCodeSymbols = memory.data(4 * LENGTH_CODES, 4)

/** By length, 0 to 15: how many codes there are, and which is the next. */
const counts = memory.data(4 * (MAX_BITS + 1), 16)
const nextCodes = memory.data(4 * (MAX_BITS + 1), 16)

const reversedBytes = memory.data(256)

/** By how many bits the tables are looked up. */
export let literalBits: u32 = 0
export let distanceBits: u32 = 0
/** Are the tables those of the fixed codes? */
let areFixed = false

describeSymbols()
for (let byte: u32 = 0; byte < 256; byte += 1) {
  let reversed: u32 = 0
  for (let bit: u32 = 0; bit < 8; bit += 1) reversed |= ((byte >> bit) & 1) << (7 - bit)
  store<u8>(reversedBytes + byte, reversed as u8)
}

/** Of `count` literals and lengths. False where zlib refuses the code. */
export function buildLiteralTable(count: u32): bool {
  areFixed = false
  // A block that cannot end is refused before it begins.
  if (load<u8>(codeLengths + END_SYMBOL) == 0) return false
  literalBits = buildTable(literalTable, literalSymbols, codeLengths, count, LITERAL_BITS)
  return literalBits != 0
}

/** Of `count` distances, whose lengths come after `skipped` others. False where zlib refuses the code. */
export function buildDistanceTable(skipped: u32, count: u32): bool {
  distanceBits = buildTable(distanceTable, distanceSymbols, codeLengths + skipped, count, DISTANCE_BITS)
  return distanceBits != 0
}

/** False where zlib refuses the code. */
export function buildLengthCodeTable(): bool {
  const bits = buildTable(lengthCodeTable, lengthCodeSymbols, lengthCodeLengths, LENGTH_CODES, LENGTH_CODE_BITS)
  if (bits == 0 || (bits == 1 && load<u32>(counts, 4) != 2)) return false
  // Looked up by all seven bits, which makes no difference to a complete code of fewer.
  for (let at: usize = 1 << bits; at < 1 << LENGTH_CODE_BITS; at += 1) {
    store<u32>(lengthCodeTable + 4 * at, load<u32>(lengthCodeTable + 4 * (at - (1 << bits))))
  }
  return true
}

/** RFC 1951 §3.2.6. */
export function buildFixedTables(): void {
  // Each of a million blocks of ten bits would build them again.
  if (areFixed) return
  memory.fill(codeLengths, 8, 144)
  memory.fill(codeLengths + 144, 9, 112)
  memory.fill(codeLengths + 256, 7, 24)
  memory.fill(codeLengths + 280, 8, 8)
  memory.fill(codeLengths + LITERALS, 5, DISTANCES)
  buildLiteralTable(LITERALS)
  buildDistanceTable(LITERALS, DISTANCES)
  areFixed = true
}

/**
 * Returns by how many bits the table is looked up, at most `maxBits`; 0 for a code that has more words than there can be, or fewer, unless
 * that is one of one bit, or none.
 */
function buildTable(table: usize, symbols: usize, lengths: usize, count: u32, maxBits: u32): u32 {
  const longest = countLengths(lengths, count)
  if (longest == NOT_A_CODE) return 0
  const bits = min(max(longest, 1), maxBits)
  const moreBits = longest - min(longest, bits)
  const size: usize = 1 << bits
  let end = size
  const meaningless = v128.splat<u32>(SPECIAL as u32)
  for (let at: usize = 0; at < 4 * size; at += 16) v128.store(table + at, meaningless)
  for (let symbol: u32 = 0; symbol < count; symbol += 1) {
    const length: u32 = load<u8>(lengths + symbol)
    if (length == 0) continue
    const code = load<u32>(nextCodes + 4 * length)
    store<u32>(nextCodes + 4 * length, code + 1)
    const reversed = reverse(code, length)
    const meaning = load<u32>(symbols + 4 * symbol)
    if (length <= bits) {
      fill(table, size, reversed, length, meaning)
      continue
    }
    const first = table + 4 * ((reversed as usize) & (size - 1))
    let entry = load<u32>(first)
    if ((entry & (SUBTABLE as u32)) == 0) {
      entry = (SPECIAL as u32) | (SUBTABLE as u32) | ((end as u32) << 16) | (moreBits << 8) | bits
      store<u32>(first, entry)
      end += 1 << moreBits
    }
    fill(table + 4 * (entry >> 16), 1 << moreBits, reversed >> bits, length - bits, meaning)
  }
  return bits
}

const NOT_A_CODE: u32 = 0xffff_ffff

/** Counts codes by length, and finds the first of each. Returns the longest length. */
function countLengths(lengths: usize, count: u32): u32 {
  memory.fill(counts, 0, 4 * (MAX_BITS + 1))
  for (let symbol: u32 = 0; symbol < count; symbol += 1) {
    const place = counts + 4 * (load<u8>(lengths + symbol) as usize)
    store<u32>(place, load<u32>(place) + 1)
  }
  store<u32>(counts, 0)
  let longest: u32 = 0
  let left: i32 = 1
  let code: u32 = 0
  for (let length: u32 = 1; length <= MAX_BITS; length += 1) {
    const those = load<u32>(counts + 4 * length)
    left = 2 * left - (those as i32)
    if (left < 0) return NOT_A_CODE
    code = (code + load<u32>(counts + 4 * (length - 1))) << 1
    store<u32>(nextCodes + 4 * length, code)
    if (those > 0) longest = length
  }
  return left > 0 && longest > 1 ? NOT_A_CODE : longest
}

/** Each place whose last bits are the code, which is of `length` bits. */
function fill(table: usize, size: usize, code: u32, length: u32, meaning: u32): void {
  const entry = meaning + ((length << 8) | length)
  const step: usize = 1 << length
  for (let at: usize = code; at < size; at += step) store<u32>(table + 4 * at, entry)
}

/** Codes are in the stream with their first bit first. */
function reverse(code: u32, length: u32): u32 {
  const low: u32 = load<u8>(reversedBytes + (code & 0xff))
  const high: u32 = load<u8>(reversedBytes + (code >> 8))
  return ((low << 8) | high) >> (16 - length)
}

/** RFC 1951 §3.2.5. */
function describeSymbols(): void {
  for (let symbol: u32 = 0; symbol < LENGTH_CODES; symbol += 1) describe(lengthCodeSymbols, symbol, symbol << 16)
  for (let symbol: u32 = 0; symbol < 256; symbol += 1)
    describe(literalSymbols, symbol, (LITERAL as u32) | (symbol << 16))
  describe(literalSymbols, END_SYMBOL, (SPECIAL | END_OF_BLOCK) as u32)
  for (let step: u32 = 0; step < 28; step += 1) {
    const extra = step < 8 ? 0 : step / 4 - 1
    const least = step < 8 ? 3 + step : 3 + ((4 + (step & 3)) << extra)
    describe(literalSymbols, 257 + step, (least << 16) | extra)
  }
  describe(literalSymbols, 285, 258 << 16)
  for (let step: u32 = 0; step < 30; step += 1) {
    const extra = step < 4 ? 0 : step / 2 - 1
    const least = step < 4 ? 1 + step : 1 + ((2 + (step & 1)) << extra)
    describe(distanceSymbols, step, (least << 16) | extra)
  }
  for (let symbol: u32 = 286; symbol < LITERALS; symbol += 1) describe(literalSymbols, symbol, SPECIAL as u32)
  for (let symbol: u32 = 30; symbol < DISTANCES; symbol += 1) describe(distanceSymbols, symbol, SPECIAL as u32)
}

function describe(symbols: usize, symbol: u32, meaning: u32): void {
  store<u32>(symbols + 4 * symbol, meaning)
}
