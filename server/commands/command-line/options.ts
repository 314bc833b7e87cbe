import { type Command, InvalidArgumentError } from 'commander'
import type { Flags } from '../../config/environment.ts'
import type { Notation } from '../../config/notation.ts'

/** Flags of a command that asks a running server. */
export interface ClientFlags extends Flags {
  readonly server?: URL
  readonly json?: boolean
}

/** Flags of a command that starts a job. */
export interface JobFlags extends ClientFlags {
  readonly detach?: boolean
}

/** What Ctrl-C does, in the help of all that take long. */
const AFTER_JOB =
  '\nLong work is a job of the server: Ctrl-C only stops watching it. "arbor jobs" shows how far it is,\n' +
  'and "arbor jobs <id> --cancel" ends it.'

/** The options of every command that asks a running server; they come last in its help. */
export function addClientOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the server to ask (default: the one at the configured address)', parseServer)
    .option('--json', 'print JSON')
}

export function addJobOptions(command: Command): Command {
  return addClientOptions(command.option('--detach', 'start the job, and do not wait for its end')).addHelpText(
    'after',
    AFTER_JOB,
  )
}

/** A parser for an option's value. */
export function as<T>(notation: Notation<T>): (written: string) => T {
  return (written) => {
    const value = notation.parse(written)
    if (value === undefined) throw new InvalidArgumentError(`Expected ${notation.expected}.`)
    return value
  }
}

function parseServer(written: string): URL {
  const url = URL.parse(written)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError('Expected an http or https URL.')
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
