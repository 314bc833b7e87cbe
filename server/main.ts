import { homedir } from 'node:os'
import { text as readAll } from 'node:stream/consumers'
import { diskIo } from '../storage/io.ts'
import { ProgressLine } from './commands/progress-line.ts'
import { createProgram, isCommandLineEnd } from './commands/program.ts'
import { describeFailure } from './commands/start-error.ts'
import { loadConfig, type Config } from './config.ts'
import { openLog } from './log.ts'
import { readTextFile } from './text-file.ts'

// Rejections that nobody handles come here too.
process.on('uncaughtException', (error) => {
  openLog('fatal').fatal({ err: error }, 'unexpected error')
  process.exit(1)
})

const progress = new ProgressLine(process.stderr)
/** Resolves once all that a command printed was taken, with why it was not: a pipe takes 64 KiB at once, and the rest would be lost at the exit. */
let printing: Promise<NodeJS.ErrnoException | null | undefined> = Promise.resolve(undefined)
const print = (text: string): void => {
  progress.end()
  printing = new Promise((resolve) => process.stdout.write(text, resolve))
}
// A command looks at how its printing ended; a server's banner need be read by nobody, nor have room where it goes to a file.
process.stdout.on('error', () => {})

/** Within this time a second signal counts as the first one: npm passes on to us what the terminal has sent us already. Milliseconds. */
const SAME_MS = 500

/** Runs the server until SIGTERM, SIGINT or SIGHUP (its terminal was closed) ends it in good order; a second one ends it at once. */
async function serve(config: Config): Promise<void> {
  const stopping = new AbortController()
  let stoppedAt = Infinity
  const stop = (_name: NodeJS.Signals, number: number): void => {
    if (performance.now() - stoppedAt > SAME_MS) process.exit(128 + number)
    if (stopping.signal.aborted) return
    stoppedAt = performance.now()
    stopping.abort()
  }
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop)
  // Loaded only here, so that the other commands answer at once.
  const { runServer } = await import('./commands/run-server.ts')
  await runServer(config, { print: (text) => void process.stdout.write(text), signal: stopping.signal })
}

function findHomeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    // The user is in no user database, as a container's often is.
    return undefined
  }
}

function watchInterrupt(): AbortSignal {
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  return interrupted.signal
}

const program = createProgram({
  loadConfig: (flags) =>
    loadConfig({
      env: process.env,
      flags,
      readFile: (path) => readTextFile(diskIo, path),
      platform: process.platform,
      homeFolder: findHomeFolder(),
      workingFolder: process.cwd(),
    }),
  print,
  showProgress: (line) => progress.show(line),
  watchInterrupt,
  readFile: (path) => (path === '-' ? readAll(process.stdin) : readTextFile(diskIo, path)),
  serve,
})

try {
  await program.parseAsync()
  const error = await printing
  // Who takes only the beginning, as head does, has what they want.
  if (error && error.code !== 'EPIPE') {
    process.stderr.write(`arbor: what was asked for cannot be written: ${error.message}\n`)
    process.exit(1)
  }
  // What still keeps the process alive, such as a kept upstream connection, is no longer needed.
  process.exit(0)
} catch (error) {
  if (isCommandLineEnd(error)) process.exit(error.exitCode === 0 ? 0 : 2)
  progress.end()
  await printing
  const { message, exitCode } = describeFailure(error)
  process.stderr.write(`arbor: ${message}\n`)
  process.exit(exitCode)
}
