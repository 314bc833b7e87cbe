import { destination, pino, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from './config/notation.ts'
import { redactUrl } from './redact.ts'

export type Log = Logger

const SECRET_HEADERS = /"((?:proxy-)?authorization|(?:set-)?cookie)":(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi

/**
 * Opens the log: one JSON object a line, on standard error. The finished line is searched for credentials, since they can come
 * in by any field: a message, an error's stack, a header. Written at once, so that the last line before an end is not lost.
 */
export function openLog(level: LogLevel, stream: DestinationStream = destination({ dest: 2, sync: true })): Log {
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

function redactLine(line: string): string {
  return redactUrl(line).replaceAll(SECRET_HEADERS, '"$1":"***"')
}
