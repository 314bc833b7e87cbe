import { LRUCache } from 'lru-cache'
import type { Blake3 } from './digest.ts'

/**
 * What was used last, up to so many bytes. What takes more than all of them is held as well, the last one only, but weakly: until the memory is
 * needed for something else. Who reads one file of a tree reads more, and to make what that takes of 70,000 files anew for each takes a second.
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
