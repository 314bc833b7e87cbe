import { constants, deflateRawSync } from 'node:zlib'
import { type CodeLengths, DeflateWriter } from './deflate-writer.ts'
import type { Random } from './random.ts'

/** A deflate stream, in every second case a good one. */
export function randomStream(random: Random): Buffer {
  if (random.chance(0.4)) return randomCodes(random)
  const packed = deflateRawSync(randomContents(random), {
    level: random.below(10),
    strategy: random.pick([constants.Z_DEFAULT_STRATEGY, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED]),
    memLevel: 1 + random.below(9),
    windowBits: 9 + random.below(7),
  })
  return random.chance(0.3) ? packed : damaged(packed, random)
}

function randomContents(random: Random): Buffer {
  const contents = Buffer.alloc(random.pick([0, 1, random.below(20), random.below(1000), random.below(20_000)]))
  const spread = random.pick([1, 2, 30, 256])
  const repetition = random.pick([0, 0.1, 0.9])
  for (let at = 0; at < contents.length; at += 1) {
    const distance = 1 + random.below(Math.max(1, at))
    const isOld = at > 0 && random.chance(repetition)
    const count = isOld ? random.below(400) : 1
    for (const end = at + count; at < end && at < contents.length; at += 1) {
      contents[at] = isOld ? (contents[at - distance] ?? 0) : random.below(spread)
    }
  }
  return contents
}

/** Mostly near the beginning, where the codes are. */
function damaged(packed: Buffer, random: Random): Buffer {
  const at = random.below(random.chance(0.7) ? Math.min(packed.length, 60) : packed.length)
  if (random.chance(0.2)) return packed.subarray(0, at)
  if (random.chance(0.2)) return Buffer.concat([packed.subarray(0, at), packed.subarray(at + 1)])
  const copy = Buffer.from(packed)
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
  return copy
}

/** A block of random codes, which are complete or nearly so, and of random bits. */
function randomCodes(random: Random): Buffer {
  const literals = randomCode(random, 257 + random.below(30), 256)
  const distances = randomCode(random, 1 + random.below(30), 0)
  const writing = new DeflateWriter().stored(Buffer.alloc(random.pick([0, 300, 5000]), 'known'))
  writing.dynamic({ isLast: true, literals, distances })
  for (let count = random.below(60); count > 0; count -= 1) writing.symbol(literals, random.below(literals.length))
  return writing.symbol(literals, 256).finish()
}

function randomCode(random: Random, count: number, needed: number): CodeLengths {
  const words = [1, 1]
  const longFirst = random.chance(0.5)
  for (let left = random.below(count) - 1; left > 0; left -= 1) {
    const split = longFirst && random.chance(0.8) ? words.length - 1 : random.below(words.length)
    const length = (words[split] ?? 0) + 1
    if (length <= 15) words.push((words[split] = length))
  }
  const lengths = Array.from({ length: count }, () => 0)
  lengths[needed] = words.shift() ?? 0
  for (const word of words) {
    let symbol = random.below(count)
    while (lengths[symbol] !== 0 && lengths.includes(0)) symbol = (symbol + 1) % count
    if (lengths[symbol] === 0) lengths[symbol] = word
  }
  if (random.chance(0.2)) lengths[random.below(count)] = random.below(16)
  return lengths
}
