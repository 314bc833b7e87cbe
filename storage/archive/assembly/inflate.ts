/**
 * Inflate (RFC 1951) of what is in memory. It takes what zlib takes, and refuses what zlib refuses.
 *
 * {@link begin} a stream, then call {@link inflate} until it is DONE or INVALID. Up to a kilobyte after the input is read, and after the output
 * written: it has to be in memory, and what is there means nothing.
 */
import {
  buildDistanceTable,
  buildFixedTables,
  buildLengthCodeTable,
  buildLiteralTable,
  codeLengths,
  distanceBits,
  distanceTable,
  END_OF_BLOCK,
  LENGTH_CODE_BITS,
  LENGTH_CODES,
  lengthCodeLengths,
  lengthCodeTable,
  LITERAL,
  literalBits,
  literalTable,
  SPECIAL,
  SUBTABLE,
} from './tables'

/** What has to be done for the stream to go on. */
const DONE = 0
const NEEDS_INPUT = 1
const NEEDS_OUTPUT = 2
const INVALID = 3
/** There is more to do with what there is. */
const GOES_ON = 4

/** What comes next in the stream. */
const BLOCK = 0
const STORED = 1
const CODES = 2
const NOTHING = 3

/** The description of a block's codes is no longer, bytes. */
const MAX_HEADER_BYTES = 600
/** Read at once, bytes. */
const WORD_BYTES = 8

let next = NOTHING
let isLastBlock = false
let storedBytes: usize = 0
/** Bits that were read from the input and not used, the next one lowest, and how many of them there are. */
let bits: u64 = 0
let bitCount: u64 = 0

let position: usize = 0
let inputEnd: usize = 0
let isAllInput = false
let outputBegin: usize = 0
let output: usize = 0
let outputEnd: usize = 0

export function begin(): void {
  next = BLOCK
  isLastBlock = false
  bits = 0
  bitCount = 0
}

/** How far the input was used. */
export function inputPosition(): usize {
  return position - ((bitCount >> 3) as usize)
}

/** Where the output ends now. */
export function outputPosition(): usize {
  return output
}

/**
 * Goes on from `from`, which is where it stopped last time, or where that is now. `all`: nothing follows the input's end. Distances reach back to
 * `begin`. More than `outputEnd` is written where there is more, by less than 300 bytes, and that is NEEDS_OUTPUT.
 */
export function inflate(from: usize, end: usize, all: bool, begin: usize, to: usize, toEnd: usize): i32 {
  // Whole bytes that were read ahead are read once more.
  position = from
  bitCount &= 7
  bits &= (1 << bitCount) - 1
  inputEnd = end
  isAllInput = all
  outputBegin = begin
  output = to
  outputEnd = toEnd
  let state = GOES_ON
  while (state == GOES_ON) {
    if (next == BLOCK) state = beginBlock()
    else if (next == CODES) state = inflateCodes()
    else if (next == STORED) state = copyStored()
    else state = DONE
    // What was taken behind the end never was there.
    if (inputPosition() > inputEnd) state = INVALID
  }
  return state
}

function beginBlock(): i32 {
  if (isLastBlock) {
    next = NOTHING
    return DONE
  }
  if (!isAllInput && position + MAX_HEADER_BYTES > inputEnd) return NEEDS_INPUT
  refill()
  isLastBlock = take(1) != 0
  const kind = take(2)
  if (kind == 0) return beginStored()
  if (kind == 3) return INVALID
  if (kind == 1) buildFixedTables()
  else if (!readTables()) return INVALID
  next = CODES
  return GOES_ON
}

/** RFC 1951 §3.2.4. */
function beginStored(): i32 {
  position = inputPosition()
  bits = 0
  bitCount = 0
  const length = load<u16>(position)
  if ((length ^ load<u16>(position, 2)) != 0xffff) return INVALID
  position += 4
  storedBytes = length
  next = STORED
  return GOES_ON
}

function copyStored(): i32 {
  if (output > outputEnd) return NEEDS_OUTPUT
  // One byte more than there is room for tells that there is more.
  const count = min(storedBytes, min(inputEnd - position, outputEnd + 1 - output))
  memory.copy(output, position, count)
  position += count
  output += count
  storedBytes -= count
  if (storedBytes == 0) {
    next = BLOCK
    return GOES_ON
  }
  if (output > outputEnd) return NEEDS_OUTPUT
  return isAllInput ? INVALID : NEEDS_INPUT
}

/** RFC 1951 §3.2.7. */
function readTables(): bool {
  const literals = (take(5) as u32) + 257
  const distances = (take(5) as u32) + 1
  const lengthCodes = (take(4) as u32) + 4
  if (literals > 286 || distances > 30) return false
  memory.fill(lengthCodeLengths, 0, LENGTH_CODES)
  for (let index: u32 = 0; index < lengthCodes; index += 1) {
    refill()
    store<u8>(lengthCodeLengths + load<u8>(lengthCodeOrder + index), take(3) as u8)
  }
  if (!buildLengthCodeTable()) return false
  if (!readLengths(literals + distances)) return false
  return buildLiteralTable(literals) && buildDistanceTable(literals, distances)
}

/** The order in which the lengths of the codes of lengths are told. */
const lengthCodeOrder = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])

function readLengths(count: u32): bool {
  let index: u32 = 0
  while (index < count) {
    refill()
    const entry = load<u32>(lengthCodeTable + 4 * ((bits as usize) & ((1 << LENGTH_CODE_BITS) - 1)))
    take(entry & 0xff)
    const symbol = entry >> 16
    if (symbol < 16) {
      store<u8>(codeLengths + index, symbol as u8)
      index += 1
      continue
    }
    if (symbol == 16 && index == 0) return false
    const repeated: u8 = symbol == 16 ? load<u8>(codeLengths + index - 1) : 0
    const times = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7)
    if (index + (times as u32) > count) return false
    memory.fill(codeLengths + index, repeated, times as usize)
    index += times as u32
  }
  return true
}

/** At least 56 bits are there afterwards; what is in `bits` beyond them is the same as what will be read next. */
function refill(): void {
  bits |= load<u64>(position) << bitCount
  position += ((63 - bitCount) >> 3) as usize
  bitCount |= 56
}

function take(count: u64): u64 {
  const value = bits & ((1 << count) - 1)
  bits >>= count
  bitCount -= count
  return value
}

/**
 * Literals, lengths and distances, up to the end of the block. All that changes is in local variables, which are in registers. Of `count` only the last
 * eight bits mean something, and of what is shifted by only the last six: so entries are subtracted, and shifted by, as they are.
 */
function inflateCodes(): i32 {
  const literalMask: u64 = (1 << (literalBits as u64)) - 1
  const distanceMask: u64 = (1 << (distanceBits as u64)) - 1
  const begin = outputBegin
  const end = outputEnd
  const lastFrom = isAllInput ? inputEnd + WORD_BYTES : inputEnd - 2 * WORD_BYTES
  refill()
  let from = position
  let to = output
  let held = bits
  let count = bitCount
  let state = GOES_ON
  let entry = lookUp(literalTable, held & literalMask)
  while (true) {
    if (to > end) {
      state = NEEDS_OUTPUT
      break
    }
    if (from > lastFrom) {
      state = isAllInput ? INVALID : NEEDS_INPUT
      break
    }
    let before = held
    held >>= entry
    count -= entry
    if (entry & SUBTABLE) {
      entry = lookUp(literalTable, (entry >> 16) + (held & ((1 << ((entry >> 8) & 31)) - 1)))
      before = held
      held >>= entry
      count -= entry
    }
    if (entry & LITERAL) {
      store<u8>(to, (entry >> 16) as u8)
      to += 1
      // There are bits enough, and a processor does both at once.
      entry = lookUp(literalTable, held & literalMask)
      held |= load<u64>(from) << count
      from += 7 - (((count >> 3) & 7) as usize)
      count |= 56
      continue
    }
    if (entry & SPECIAL) {
      if (entry & END_OF_BLOCK) next = BLOCK
      else state = INVALID
      break
    }
    const length = (entry >> 16) + ((before & ((1 << (entry & 63)) - 1)) >> (entry >> 8))
    entry = lookUp(distanceTable, held & distanceMask)
    held |= load<u64>(from) << count
    from += 7 - (((count >> 3) & 7) as usize)
    count |= 56
    if (entry & SUBTABLE) {
      held >>= entry
      count -= entry
      entry = lookUp(distanceTable, (entry >> 16) + (held & ((1 << ((entry >> 8) & 31)) - 1)))
    }
    const distance = (entry >> 16) + ((held & ((1 << (entry & 63)) - 1)) >> (entry >> 8))
    held >>= entry
    count -= entry
    if ((entry & SPECIAL) != 0 || distance > to - begin) {
      state = INVALID
      break
    }
    entry = lookUp(literalTable, held & literalMask)
    held |= load<u64>(from) << count
    from += 7 - (((count >> 3) & 7) as usize)
    count |= 56
    copy(to, distance as usize, length as usize)
    to += length as usize
  }
  position = from
  output = to
  bitCount = count & 0xff
  bits = held
  return state
}

function lookUp(table: usize, index: u64): u64 {
  return load<u32>(table + ((index << 2) as usize))
}

/** Copies what came `distance` bytes before, which may be what is being copied. */
function copy(start: usize, distance: usize, length: usize): void {
  let to = start
  let from = start - distance
  const end = start + length
  if (distance >= 16) {
    // Most are no longer: so there is nothing to decide.
    v128.store(to, v128.load(from))
    v128.store(to, v128.load(from, 16), 16)
    while (to + 32 < end) {
      from += 32
      to += 32
      v128.store(to, v128.load(from))
      v128.store(to, v128.load(from, 16), 16)
    }
  } else if (distance == 1) {
    const run = v128.splat<u8>(load<u8>(from))
    do {
      v128.store(to, run)
      to += 16
    } while (to < end)
  } else if (distance >= 8) {
    do {
      store<u64>(to, load<u64>(from))
      from += 8
      to += 8
    } while (to < end)
  } else {
    // Each word repeats the ones before, and so is right as far as the distance.
    do {
      store<u64>(to, load<u64>(from))
      from += distance
      to += distance
    } while (to < end)
  }
}

/** Memory from here on is the caller's. */
export function memoryBegin(): usize {
  return __heap_base
}
