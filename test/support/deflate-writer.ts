/** A Huffman code, by the length of each symbol's code word in bits; 0: the symbol has no word. */
export type CodeLengths = readonly number[]

/** Code lengths as a dynamic block has them (RFC 1951 §3.2.7): 0 to 15 is one length; 16 to 18 repeat one, `extra` times more often than the least. */
export type Told = readonly (readonly [symbol: number, extra?: number])[]

export interface DynamicHeader {
  readonly isLast?: boolean
  readonly literals: CodeLengths
  readonly distances: CodeLengths
  /** How the lengths of both codes are written; by default one by one. */
  readonly told?: Told
  /** The code that {@link Told} is written in. */
  readonly lengthCodes?: CodeLengths
}

/** A complete code for all 19 symbols. */
const LENGTH_CODES: CodeLengths = Array.from({ length: 19 }, (_, symbol) => (symbol < 13 ? 4 : 5))
const LENGTH_CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] as const
const EXTRA_BITS: Readonly<Record<number, number>> = { 16: 2, 17: 3, 18: 7 }

/** RFC 1951 §3.2.6. */
export const FIXED_LITERALS: CodeLengths = Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
)
export const FIXED_DISTANCES: CodeLengths = Array.from({ length: 32 }, () => 5)

/** Writes a deflate stream (RFC 1951) part by part, be it valid or not. */
export class DeflateWriter {
  #bytes = new Uint8Array(1024)
  #bitCount = 0

  /** The lowest bit first. */
  bits(value: number, count: number): this {
    for (let bit = 0; bit < count; bit += 1) this.#bit((value >>> bit) & 1)
    return this
  }

  /** The word of a symbol: the highest bit first. */
  symbol(lengths: CodeLengths, symbol: number): this {
    const word = wordsOf(lengths)[symbol] ?? 0
    for (let bit = (lengths[symbol] ?? 0) - 1; bit >= 0; bit -= 1) this.#bit((word >>> bit) & 1)
    return this
  }

  /** A stored block. `check`: its length with each bit inverted, unless it is to be wrong. */
  stored(bytes: Uint8Array, { isLast = false, check = bytes.length ^ 0xffff } = {}): this {
    this.bits(isLast ? 1 : 0, 3)
    this.#bitCount = Math.ceil(this.#bitCount / 8) * 8
    this.bits(bytes.length, 16).bits(check, 16)
    for (const byte of bytes) this.bits(byte, 8)
    return this
  }

  fixed({ isLast = false } = {}): this {
    return this.bits(isLast ? 1 : 0, 1).bits(1, 2)
  }

  dynamic({ isLast = false, literals, distances, told, lengthCodes = LENGTH_CODES }: DynamicHeader): this {
    this.bits(isLast ? 1 : 0, 1).bits(2, 2)
    this.bits(literals.length - 257, 5).bits(distances.length - 1, 5)
    this.bits(lengthCodes.length - 4, 4)
    for (const symbol of LENGTH_CODE_ORDER.slice(0, lengthCodes.length)) this.bits(lengthCodes[symbol] ?? 0, 3)
    const lengths: Told = told ?? [...literals, ...distances].map((length) => [length])
    for (const [symbol, extra = 0] of lengths) this.symbol(lengthCodes, symbol).bits(extra, EXTRA_BITS[symbol] ?? 0)
    return this
  }

  /** The last byte filled up with zeros. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, Math.ceil(this.#bitCount / 8)))
  }

  #bit(bit: number): void {
    const place = this.#bitCount >> 3
    if (place === this.#bytes.length) {
      const grown = new Uint8Array(2 * place)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes[place] = (this.#bytes[place] ?? 0) | (bit << (this.#bitCount & 7))
    this.#bitCount += 1
  }
}

/** Lengths by symbol, of `count` symbols. */
export function lengthsOf(lengths: Readonly<Record<number, number>>, count: number): CodeLengths {
  return Array.from({ length: count }, (_, symbol) => lengths[symbol] ?? 0)
}

/** RFC 1951 §3.2.2. */
function wordsOf(lengths: CodeLengths): number[] {
  let word = 0
  const next = Array.from({ length: 16 }, (_, length) => {
    const first = word
    if (length > 0) word = (word + lengths.filter((each) => each === length).length) << 1
    return first
  })
  return lengths.map((length) => {
    const mine = next[length] ?? 0
    next[length] = mine + 1
    return mine
  })
}
