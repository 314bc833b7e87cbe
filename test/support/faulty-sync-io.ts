import { setImmediate } from 'node:timers/promises'
import type { SyncIo } from '../../storage/io.ts'

/** How a disk fails. */
export interface Fault {
  /** Which step fails, from 1; closing then has closed. */
  readonly at: number
  /** `ENOSPC` by default. */
  readonly code?: string
  /** From that step on nothing can be created or written any more; files can still be closed and removed. */
  readonly isLasting?: boolean
}

/** A `SyncIo` whose n-th step fails, and that knows what is open. Reading, closing and removing are steps too. */
export class FaultySyncIo implements SyncIo {
  readonly #io: SyncIo
  readonly #fault: Fault
  readonly #open = new Set<number>()
  #steps = 0
  #running = 0

  constructor(io: SyncIo, fault: Fault) {
    this.#io = io
    this.#fault = fault
  }

  get steps(): number {
    return this.#steps
  }

  get openFiles(): number {
    return this.#open.size
  }

  /** How many operations run beside the caller. */
  get running(): number {
    return this.#running
  }

  open(path: string): number {
    this.#step()
    return this.#opened(this.#io.open(path))
  }

  create(path: string): number {
    this.#step('writing')
    return this.#opened(this.#io.create(path))
  }

  read(descriptor: number, buffer: Uint8Array, position: number): number {
    this.#step()
    return this.#io.read(descriptor, buffer, position)
  }

  append(descriptor: number, bytes: Uint8Array): void {
    this.#io.append(descriptor, bytes.subarray(0, this.#steps + 1 === this.#fault.at ? bytes.length / 2 : bytes.length))
    this.#step('writing')
  }

  appendBeside(descriptor: number, bytes: Uint8Array): Promise<void> {
    return this.#beside(() => this.append(descriptor, bytes))
  }

  size(descriptor: number): number {
    this.#step()
    return this.#io.size(descriptor)
  }

  close(descriptor: number): void {
    this.#open.delete(descriptor)
    this.#io.close(descriptor)
    this.#step()
  }

  remove(path: string): void {
    this.#io.remove(path)
    this.#step()
  }

  async #beside(step: () => void): Promise<void> {
    this.#running += 1
    try {
      await setImmediate()
      step()
    } finally {
      this.#running -= 1
    }
  }

  #opened(descriptor: number): number {
    this.#open.add(descriptor)
    return descriptor
  }

  #step(kind?: 'writing'): void {
    this.#steps += 1
    const { at, code = 'ENOSPC', isLasting = false } = this.#fault
    const isBroken = isLasting && kind === 'writing' && this.#steps > at
    if (this.#steps === at || isBroken) throw Object.assign(new Error('the disk fails'), { code })
  }
}
