import { destination, pino, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from './config/notation.ts'
import { redactUrl } from './redact.ts'

export type Log = Logger

/** What waits while nothing can be written, bytes; if it were more, it is given up. */
const WAITING_MAX_BYTES = 256 << 10
const SECRET_HEADERS = /"((?:proxy-)?authorization|(?:set-)?cookie)":(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi

/**
 * Opens the log: one JSON object a line, on standard error. The finished line is searched for credentials, since they can come
 * in by any field: a message, an error's stack, a header. Written at once, so that the last line before an end is not lost.
 */
export function openLog(level: LogLevel, stream: DestinationStream = openStandardError()): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactLine },
    },
    stream,
  )
}

/** From now on what Node itself warns of is a line of the log, in place of text among the lines; unless Node was told not to warn at all. */
export function logNodeWarnings(log: Log): void {
  if (process.listenerCount('warning') === 0) return
  process.removeAllListeners('warning').on('warning', (warning) => log.warn({ err: warning }, 'Node warns'))
}

/** A log that cannot be written, as on a full disk, or that nobody reads any more, is no reason to serve nobody: later lines are there once it can. */
function openStandardError(): DestinationStream {
  const open = (): DestinationStream =>
    destination({ dest: 2, sync: true, maxLength: WAITING_MAX_BYTES })
      .on('error', () => {})
      // Once it has dropped a line, it would never try to write again.
      .on('drop', () => (stream = open()))
  let stream = open()
  // Without its flushSync, by which pino would try to write a fatal line until it is written: for ever, and the process would not end.
  return { write: (line) => stream.write(line) }
}

function redactLine(line: string): string {
  return redactUrl(line).replaceAll(SECRET_HEADERS, '"$1":"***"')
}
