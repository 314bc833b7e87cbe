import assert from 'node:assert/strict'
import {
  DONE,
  MARGIN_BYTES,
  NEEDS_INPUT,
  NEEDS_OUTPUT,
  openInflateModule,
} from '../../storage/archive/inflate-module.ts'

const WINDOW_BYTES = 32 * 1024
/** Neither input nor output may be larger at once. */
const AREA_BYTES = 1024 * 1024
/** Behind the output as much may be overwritten. */
const OVERRUN_BYTES = 300
const GUARD = Buffer.alloc(64, 0xa5)

const { module: wasm, memory: bytes } = openInflateModule(2 * (AREA_BYTES + MARGIN_BYTES))
const inputAt = wasm.memoryBegin()
const outputAt = inputAt + AREA_BYTES + MARGIN_BYTES

export interface Steps {
  /** How many bytes more are there next time; at least one. */
  readonly input: () => number
  /** How much room there is next time. */
  readonly output: () => number
}

/** What a stream unpacks to, where it comes and goes in steps; undefined where it is bad or not all of it is used. Fails where more is touched than may be. */
export function inflateInSteps(packed: Buffer, steps: Steps): Buffer | undefined {
  wasm.begin()
  const input = new Input(packed, steps)
  const pieces: Buffer[] = []
  let known = Buffer.alloc(0)
  while (true) {
    const start = outputAt + GUARD.length + known.length
    const end = start + steps.output()
    Buffer.concat([GUARD, known]).copy(bytes, outputAt)
    GUARD.copy(bytes, end + OVERRUN_BYTES)
    const state = input.inflate(outputAt + GUARD.length, start, end)
    const piece = Buffer.from(bytes.subarray(start, wasm.outputPosition()))
    assert.ok(GUARD.equals(bytes.subarray(end + OVERRUN_BYTES, end + OVERRUN_BYTES + GUARD.length)), 'written behind')
    assert.ok(Buffer.concat([GUARD, known]).equals(bytes.subarray(outputAt, start)), 'written before')
    pieces.push(piece)
    if (state === DONE) return input.isUsed ? Buffer.concat(pieces) : undefined
    if (state !== NEEDS_OUTPUT) return undefined
    assert.ok(piece.length > end - start, 'there was room')
    known = Buffer.concat([known, piece]).subarray(-WINDOW_BYTES)
  }
}

class Input {
  readonly #packed: Buffer
  readonly #steps: Steps
  #read = 0
  #from = inputAt
  #end = inputAt

  constructor(packed: Buffer, steps: Steps) {
    this.#packed = packed
    this.#steps = steps
  }

  get isUsed(): boolean {
    return this.#read === this.#packed.length && this.#from === this.#end
  }

  inflate(begin: number, start: number, end: number): number {
    for (let to = start; ; to = wasm.outputPosition()) {
      const isAll = this.#read === this.#packed.length
      const state = wasm.inflate(this.#from, this.#end, isAll, begin, to, end)
      this.#from = wasm.inputPosition()
      if (state !== NEEDS_INPUT) return state
      assert.ok(!isAll, 'there is no more')
      this.#readMore()
    }
  }

  #readMore(): void {
    bytes.copyWithin(inputAt, this.#from, this.#end)
    const end = inputAt + this.#end - this.#from
    const count = this.#packed.copy(bytes, end, this.#read, this.#read + this.#steps.input())
    // What is behind the input means nothing.
    bytes.fill(0xff, end + count, end + count + MARGIN_BYTES)
    this.#read += count
    this.#from = inputAt
    this.#end = end + count
  }
}
