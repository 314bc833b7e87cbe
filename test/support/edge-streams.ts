import {
  type CodeLengths,
  DeflateWriter,
  type DynamicHeader,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  lengthsOf,
} from './deflate-writer.ts'

const END = 256
const NONE: CodeLengths = [0]
/** Only the end has a word, of one bit: half of the words mean nothing. */
const ONLY_END = lengthsOf({ [END]: 1 }, 257)
/** Words of 1, 2 … 15 bits, the last two of equal length. */
const CHAIN: CodeLengths = Array.from({ length: 16 }, (_, symbol) => Math.min(symbol + 1, 15))
/** One literal, the end, and the lengths 3 and 258. */
const SHORT = lengthsOf({ 97: 2, [END]: 2, 257: 2, 285: 2 }, 286)

function writer(): DeflateWriter {
  return new DeflateWriter()
}

function fixed(...symbols: readonly number[]): DeflateWriter {
  return symbols.reduce((writing, symbol) => writing.symbol(FIXED_LITERALS, symbol), writer().fixed({ isLast: true }))
}

/** A last block of these symbols, without lengths among them. */
function dynamic(header: DynamicHeader, ...symbols: readonly number[]): DeflateWriter {
  const begun = writer().dynamic({ isLast: true, ...header })
  return symbols.reduce((writing, symbol) => writing.symbol(header.literals, symbol), begun)
}

/** A match of three bytes as the first of a block of fixed codes. */
function reachBack(known: Uint8Array, distance: number, extra: number, extraBits: number): Buffer {
  const begun = writer().stored(known).fixed({ isLast: true }).symbol(FIXED_LITERALS, 257)
  return begun.symbol(FIXED_DISTANCES, distance).bits(extra, extraBits).symbol(FIXED_LITERALS, END).finish()
}

/** Ten bits each: after `count` of them a block begins at another bit. */
function afterEmpty(count: number): DeflateWriter {
  return Array.from({ length: count }).reduce<DeflateWriter>(
    (writing) => writing.fixed().symbol(FIXED_LITERALS, END),
    writer(),
  )
}

/**
 * A code with as many second tables as there can be, where a decoder looks up eleven bits first and up to four more in a second table: each has a pair
 * of words of twelve bits, but one has all lengths to fifteen. The fewest short words that make the code complete come on top.
 */
function manySecondTables(): CodeLengths {
  const pairs = 136
  const short = Array.from({ length: 11 }, (_, index) => index + 1).filter(
    (length) => ((2048 - pairs - 1) >> (11 - length)) & 1,
  )
  return [...short, ...Array.from({ length: 2 * pairs }, () => 12), 12, 13, 14, 15, 15].toReversed()
}

/** The same for distances, of which eight bits are looked up first, and then up to seven. */
const MANY_DISTANCES: CodeLengths = [1, 2, 3, 4, 5]
  .concat(Array.from({ length: 14 }, () => 9))
  .concat([9, 10, 11, 12, 13, 14, 15, 15])

/** The longest match, and the shortest, by each distance that is less than two of the words in which it is copied. */
function everyShortDistance(): DeflateWriter {
  const begun = writer().stored(Buffer.from('The quick brown fox jumps over the lazy dog')).fixed({ isLast: true })
  for (let distance = 1; distance <= 32; distance += 1) {
    const extraBits = distance < 5 ? 0 : Math.floor(Math.log2(distance - 1)) - 1
    const symbol = distance < 5 ? distance - 1 : 2 * extraBits + ((distance - 1) >> extraBits)
    for (const length of [285, 257]) {
      begun
        .symbol(FIXED_LITERALS, length)
        .symbol(FIXED_DISTANCES, symbol)
        .bits(distance - 1, extraBits)
      begun.symbol(FIXED_LITERALS, 32 + distance)
    }
  }
  return begun.symbol(FIXED_LITERALS, END)
}

function everySymbol(literals: CodeLengths): DeflateWriter {
  const begun = writer()
    .stored(Buffer.alloc(32_768, 'known'))
    .dynamic({ isLast: true, literals, distances: MANY_DISTANCES })
  for (const symbol of literals.keys()) {
    if (symbol === END) continue
    begun.symbol(literals, symbol)
    if (symbol > END) {
      const distance = symbol % MANY_DISTANCES.length
      const lengthBits = symbol < 265 || symbol === 285 ? 0 : (symbol - 261) >> 2
      begun.bits(0, lengthBits).symbol(MANY_DISTANCES, distance)
      begun.bits(0, distance < 4 ? 0 : (distance >> 1) - 1)
    }
  }
  return begun.symbol(literals, END)
}

/** What zlib takes. */
export const GOOD_STREAMS: readonly (readonly [name: string, packed: Buffer])[] = [
  ['an empty block of fixed codes', fixed(END).finish()],
  ['an empty stored block', writer().stored(Buffer.alloc(0), { isLast: true }).finish()],
  ['the longest stored block', writer().stored(Buffer.alloc(65_535, 'long'), { isLast: true }).finish()],
  ['an empty block of codes of its own', dynamic({ literals: SHORT, distances: NONE }, END).finish()],
  ['many empty blocks', afterEmpty(300).stored(Buffer.alloc(0)).stored(Buffer.from('x'), { isLast: true }).finish()],
  ...Array.from({ length: 4 }, (_, count): readonly [string, Buffer] => [
    `a stored block that begins ${(10 * count) % 8} bits after a byte`,
    afterEmpty(count).stored(Buffer.from('bytes'), { isLast: true }).finish(),
  ]),
  ['bits before a stored block that mean something', Buffer.of(0xf9, 1, 0, 0xfe, 0xff, 120)],
  [
    'codes of its own between two blocks of fixed ones',
    writer()
      .fixed()
      .symbol(FIXED_LITERALS, 97)
      .symbol(FIXED_LITERALS, END)
      .dynamic({ literals: SHORT, distances: NONE })
      .symbol(SHORT, 97)
      .symbol(SHORT, END)
      .fixed({ isLast: true })
      .symbol(FIXED_LITERALS, 98)
      .symbol(FIXED_LITERALS, END)
      .finish(),
  ],
  ['only a word for the end', dynamic({ literals: ONLY_END, distances: NONE }, END).finish()],
  ['literals only, and no word for distances', dynamic({ literals: SHORT, distances: NONE }, 97, 97, END).finish()],
  [
    'one word for distances, of one bit',
    dynamic({ literals: SHORT, distances: [1] }, 97, 285)
      .bits(0, 1)
      .symbol(SHORT, END)
      .finish(),
  ],
  [
    'a length that is repeated from literals on into distances',
    dynamic(
      { literals: lengthsOf({ [END]: 1, 257: 1 }, 258), distances: [1, 1], told: [[18, 127], [18, 107], [1], [16, 0]] },
      END,
    ).finish(),
  ],
  [
    'zeros from literals on into distances',
    dynamic(
      {
        literals: lengthsOf({ 0: 1, [END]: 1 }, 260),
        distances: [0, 0],
        told: [[1], [18, 127], [18, 106], [1], [17, 2]],
      },
      END,
    ).finish(),
  ],
  [
    'words of up to 15 bits',
    dynamic(
      { literals: [...CHAIN.slice(0, 15), ...lengthsOf({ 241: 15 }, 242)], distances: CHAIN },
      ...CHAIN.slice(1).keys(),
      END,
    ).finish(),
  ],
  ['as many second tables as there can be', everySymbol(manySecondTables()).finish()],
  ['matches by every short distance', everyShortDistance().finish()],
  ['the largest distance', reachBack(Buffer.alloc(32_768, 'far'), 29, 8191, 13)],
  ['a distance back to the first byte', reachBack(Buffer.from('0123456'), 5, 0, 1)],
  [
    'the longest match by either of its names',
    fixed(97, 285).bits(0, 5).symbol(FIXED_LITERALS, 284).bits(31, 5).bits(0, 5).symbol(FIXED_LITERALS, END).finish(),
  ],
  ['an end in the last bit of the last byte', fixed(97, 98, 99, 200, 201, 202, 203, END).finish()],
]

/** What zlib refuses. */
export const BAD_STREAMS: readonly (readonly [name: string, packed: Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['no last block', writer().stored(Buffer.from('x')).finish()],
  ['a block of the fourth kind', writer().bits(7, 3).finish()],
  [
    'a stored block whose length is told in two ways',
    writer().stored(Buffer.from('x'), { isLast: true, check: 0xffff }).finish(),
  ],
  ['287 literals', dynamic({ literals: lengthsOf({ [END]: 1 }, 287), distances: NONE }, END).finish()],
  ['288 literals', dynamic({ literals: lengthsOf({ [END]: 1 }, 288), distances: NONE }, END).finish()],
  ['31 distances', dynamic({ literals: SHORT, distances: lengthsOf({ 0: 1 }, 31) }, END).finish()],
  ['32 distances', dynamic({ literals: SHORT, distances: lengthsOf({ 0: 1 }, 32) }, END).finish()],
  [
    'too many words',
    dynamic({ literals: lengthsOf({ 97: 1, 98: 2, 99: 2, [END]: 2 }, 257), distances: NONE }, END).finish(),
  ],
  ['too many words for the distances', dynamic({ literals: SHORT, distances: [1, 1, 1] }, END).finish()],
  [
    'too many words for the lengths',
    dynamic({ literals: SHORT, distances: NONE, lengthCodes: lengthsOf({ 0: 1, 1: 1, 2: 1 }, 19) }).finish(),
  ],
  ['too few words', dynamic({ literals: lengthsOf({ 97: 1, [END]: 3 }, 257), distances: NONE }, END).finish()],
  ['too few words for the distances', dynamic({ literals: SHORT, distances: [2, 2, 2] }, END).finish()],
  [
    'too few words for the lengths',
    dynamic({ literals: SHORT, distances: NONE, lengthCodes: lengthsOf({ 0: 1, 2: 2 }, 19) }, END).finish(),
  ],
  [
    'one word for the lengths',
    dynamic({ literals: ONLY_END, distances: NONE, lengthCodes: lengthsOf({ 1: 1 }, 19) }).finish(),
  ],
  ['no word for the lengths', dynamic({ literals: SHORT, distances: NONE, lengthCodes: lengthsOf({}, 19) }).finish()],
  ['one word of two bits', dynamic({ literals: lengthsOf({ [END]: 2 }, 257), distances: NONE }, END).finish()],
  ['one word of two bits for the distances', dynamic({ literals: SHORT, distances: [2] }, END).finish()],
  ['no word for the end', dynamic({ literals: lengthsOf({ 97: 1, 98: 1 }, 257), distances: NONE }, 97).finish()],
  ['no words at all', dynamic({ literals: lengthsOf({}, 257), distances: NONE }).finish()],
  [
    'a repetition of nothing',
    dynamic({ literals: ONLY_END, distances: NONE, told: [[16, 0], [18, 127], [18, 104], [1], [0]] }, END).finish(),
  ],
  ...([16, 17, 18] as const).map((symbol): readonly [string, Buffer] => [
    `a repetition by ${symbol} beyond the last distance`,
    dynamic(
      { literals: SHORT, distances: NONE, told: [...SHORT.map((length): [number] => [length]), [symbol, 0]] },
      END,
    ).finish(),
  ]),
  [
    'a word that means nothing, with only one for the end',
    dynamic({ literals: ONLY_END, distances: NONE }).bits(1, 1).finish(),
  ],
  [
    'a match without a word for distances',
    dynamic({ literals: SHORT, distances: NONE }, 97, 257).bits(0, 1).symbol(SHORT, END).finish(),
  ],
  [
    'the other word of one for distances',
    dynamic({ literals: SHORT, distances: [1] }, 97, 257)
      .bits(1, 1)
      .symbol(SHORT, END)
      .finish(),
  ],
  ['the literal 286', fixed(97, 286).bits(0, 5).symbol(FIXED_LITERALS, END).finish()],
  ['the literal 287', fixed(97, 287).bits(0, 5).symbol(FIXED_LITERALS, END).finish()],
  ...[30, 31].map((distance): readonly [string, Buffer] => [
    `the distance ${distance}`,
    reachBack(Buffer.alloc(65_535), distance, 0, 0),
  ]),
  ['a match before all', fixed(257).bits(0, 5).symbol(FIXED_LITERALS, END).finish()],
  ['a distance to before the first byte', reachBack(Buffer.from('012345'), 5, 0, 1)],
  ['the largest distance to before the first byte', reachBack(Buffer.alloc(32_767), 29, 8191, 13)],
]
