/** Runs one piece of work per key at a time: whoever asks meanwhile gets the same promise. */
export class SingleFlight<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>()

  get size(): number {
    return this.#running.size
  }

  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const promise = work().finally(() => this.#running.delete(key))
    this.#running.set(key, promise)
    return promise
  }

  /** Waits until nothing runs; failures are the concern of those who asked. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running.values())
  }
}
