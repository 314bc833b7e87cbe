import type { SyncIo } from '../../storage/io.ts'

/** A `SyncIo` whose n-th step fails, and that knows what is open. Reading, closing and removing are steps too. */
export class FaultySyncIo implements SyncIo {
  readonly #io: SyncIo
  readonly #failAt: number
  readonly #open = new Set<number>()
  #steps = 0

  /** @param failAt which step fails, from 1; closing then has closed. */
  constructor(io: SyncIo, failAt: number) {
    this.#io = io
    this.#failAt = failAt
  }

  get steps(): number {
    return this.#steps
  }

  get openFiles(): number {
    return this.#open.size
  }

  open(path: string): number {
    this.#step()
    return this.#opened(this.#io.open(path))
  }

  create(path: string): number {
    this.#step()
    return this.#opened(this.#io.create(path))
  }

  read(descriptor: number, buffer: Uint8Array, position: number): number {
    this.#step()
    return this.#io.read(descriptor, buffer, position)
  }

  append(descriptor: number, bytes: Uint8Array): void {
    this.#io.append(descriptor, bytes.subarray(0, this.#steps + 1 === this.#failAt ? bytes.length / 2 : bytes.length))
    this.#step()
  }

  size(descriptor: number): number {
    this.#step()
    return this.#io.size(descriptor)
  }

  /** Not for real: it is only the failing that matters, and a disk is slow. */
  async sync(): Promise<void> {
    this.#step()
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

  #opened(descriptor: number): number {
    this.#open.add(descriptor)
    return descriptor
  }

  #step(): void {
    this.#steps += 1
    if (this.#steps === this.#failAt) throw Object.assign(new Error('no space is left'), { code: 'ENOSPC' })
  }
}
