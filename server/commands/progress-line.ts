/** A terminal, where a person watches, or a file, which collects lines. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Where output is not a terminal, progress is written no more often than this, milliseconds. */
const LOG_INTERVAL_MS = 10_000

/** Shows progress: on a terminal as one line that changes, elsewhere as a line now and then. */
export class ProgressLine {
  readonly #terminal: Terminal
  #shownAt = -Infinity
  #isOpen = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(line: string): void {
    if (this.#terminal.isTTY === true) {
      this.#isOpen = true
      // To the start of the line, and clear it (ECMA-48).
      this.#terminal.write(`\r\u001B[K${line}`)
    } else if (performance.now() - this.#shownAt >= LOG_INTERVAL_MS) {
      this.#shownAt = performance.now()
      this.#terminal.write(`${line}\n`)
    }
  }

  /** Whatever is written next begins on a line of its own. */
  end(): void {
    if (this.#isOpen) this.#terminal.write('\n')
    this.#isOpen = false
  }
}
