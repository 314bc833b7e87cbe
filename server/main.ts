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
const print = (text: string): void => {
  progress.end()
  process.stdout.write(text)
}

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
  // Nobody need be there to read the banner, nor room for it where that goes to a file.
  process.stdout.on('error', () => {})
  // Loaded only here, so that the other commands answer at once.
  const { runServer } = await import('./commands/run-server.ts')
  await runServer(config, { print, signal: stopping.signal })
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
  // What still keeps the process alive, such as a kept upstream connection, is no longer needed.
  process.exit(0)
} catch (error) {
  if (isCommandLineEnd(error)) process.exit(error.exitCode === 0 ? 0 : 2)
  progress.end()
  const { message, exitCode } = describeFailure(error)
  process.stderr.write(`arbor: ${message}\n`)
  process.exit(exitCode)
}
