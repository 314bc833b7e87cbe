import { LRUCache } from 'lru-cache'
import type { Blake3 } from './digest.ts'

/**
 * A cache of the values that were used last, up to a number of bytes. The last value that is larger than the whole cache is kept too, but by a weak
 * reference, so that the garbage collector may take it: whoever reads one file of a tree of 70,000 reads more of them, and to make its manifest anew
 * for each takes a second.
 */
export class BoundedMemory<Value extends object> {
  readonly #small: LRUCache<Blake3, Value>
  #large: { readonly key: Blake3; readonly value: WeakRef<Value> } | undefined

  constructor(options: { readonly maxBytes: number; readonly sizeOf: (value: Value) => number }) {
    this.#small = new LRUCache({ maxSize: options.maxBytes, sizeCalculation: options.sizeOf })
  }

  get(key: Blake3): Value | undefined {
    return this.#small.get(key) ?? (this.#large?.key === key ? this.#large.value.deref() : undefined)
  }

  set(key: Blake3, value: Value): void {
    this.#small.set(key, value)
    if (!this.#small.has(key)) this.#large = { key, value: new WeakRef(value) }
  }

  delete(key: Blake3): void {
    this.#small.delete(key)
    if (this.#large?.key === key) this.#large = undefined
  }

  clear(): void {
    this.#small.clear()
    this.#large = undefined
  }
}
