import type { Config } from '../../config.ts'
import type { Flags } from '../../config/environment.ts'

/** What the commands need of the process that runs them. */
export interface Surroundings {
  readonly loadConfig: (flags: Flags) => Promise<Config>
  readonly print: (text: string) => void
  /** How far something is, for a person who watches: one line, which takes the place of the last one. */
  readonly showProgress: (line: string) => void
  /** Aborted at Ctrl-C, which then no longer ends the process by itself. */
  readonly watchInterrupt: () => AbortSignal
  /** A small file, or what comes on standard input for `-`; undefined where there is none. */
  readonly readFile: (path: string) => Promise<string | undefined>
  /** Runs the server until it is told to end. */
  readonly serve: (config: Config) => Promise<void>
}
