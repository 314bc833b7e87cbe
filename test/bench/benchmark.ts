import type { Table } from './table.ts'

/** What the command line says about a run. */
export interface RunOptions {
  /** How long one measurement takes, where its length can be chosen; whole seconds. */
  readonly seconds: number
  /** How often each server has its turn; the figure is the median. */
  readonly rounds: number
  /** Only what tells most. */
  readonly quick: boolean
  /** An existing folder for whatever the run needs, on the disk; removed afterwards. */
  readonly folder: string
  /** Told what is being done, for a person who waits. */
  readonly say: (text: string) => void
  /** The run is to end now. */
  readonly signal: AbortSignal
}

/** One question about speed. */
export interface Benchmark {
  readonly name: string
  /** One line. */
  readonly about: string
  /** What this machine lacks for it, if it needs anything; undefined: nothing. */
  findObstacle?(): Promise<string | undefined>
  /** Measures, and leaves nothing behind. Throws where a figure would not be worth its name, such as one of failed requests. */
  run(options: RunOptions): Promise<readonly Table[]>
}
