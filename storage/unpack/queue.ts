import { contentsOf, type Share, type Task } from './plan.ts'

/** A wheel's large files, of which each thread takes the next one when it has done its last: no plan knows how fast a thread will be. */
export class Queue {
  readonly tasks: Share
  /** How many were taken, for all threads: whoever has the tasks and this has the same queue. */
  readonly taken: SharedArrayBuffer
  readonly #taken: Int32Array

  /** `tasks`: those of equal contents one after the other. */
  constructor(tasks: Share, taken = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.tasks = tasks
    this.taken = taken
    this.#taken = new Int32Array(taken)
  }

  /** Takes tasks until there are none. Those of equal contents all go to whoever has the first of them, so that each blob is written once. */
  *take(): Generator<Task> {
    for (;;) {
      const index = Atomics.add(this.#taken, 0, 1)
      const task = this.tasks[index]
      if (task === undefined) return
      if (this.#isTwin(index)) continue
      yield task
      for (let next = index + 1; this.#isTwin(next); next += 1) yield this.tasks[next] as Task
    }
  }

  /** Nobody gets another task. */
  end(): void {
    Atomics.store(this.#taken, 0, this.tasks.length)
  }

  #isTwin(index: number): boolean {
    const [previous, task] = [this.tasks[index - 1], this.tasks[index]]
    return previous !== undefined && task !== undefined && contentsOf(previous.member) === contentsOf(task.member)
  }
}
