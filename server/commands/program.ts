import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { addConfig } from './command-line/config.ts'
import { addForget } from './command-line/forget.ts'
import { addJobs } from './command-line/jobs.ts'
import { addPin } from './command-line/pin.ts'
import { addPrune } from './command-line/prune.ts'
import { addRefresh } from './command-line/refresh.ts'
import { addScrub } from './command-line/scrub.ts'
import { addServe } from './command-line/serve.ts'
import { addStats } from './command-line/stats.ts'
import type { Surroundings } from './command-line/surroundings.ts'
import { addWarm } from './command-line/warm.ts'

export type { Surroundings } from './command-line/surroundings.ts'

/** In the order in which the help lists them. */
const COMMANDS = [
  addServe,
  addConfig,
  addStats,
  addWarm,
  addRefresh,
  addForget,
  addPin,
  addPrune,
  addScrub,
  addJobs,
] as const

/**
 * The command line: `arbor [serve]` and what else there is. Each command loads what it does only when it is run. Parsing throws
 * commander's `CommanderError` after it has printed help, a version or a mistake, and else whatever the command throws.
 */
export function createProgram(surroundings: Surroundings): Command {
  const program = new Command('arbor')
    .description(
      'A caching proxy for Python package indexes. It serves every wheel as the original file, and as a tree of files by hash.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--listen <host:port>', 'where to listen; port 0: any free one (ARBOR_LISTEN; default: 127.0.0.1:3141)')
    .option('--data <folder>', 'the folder for all that is stored (ARBOR_DATA; default: in your cache folder)')
    .option(
      '--upstream <url>',
      'the index to fetch from, as in pip --index-url (ARBOR_UPSTREAM; default: https://pypi.org/simple/)',
    )
    .option('--config <file>', 'a TOML file with these and all other settings (ARBOR_CONFIG)')
    .option('--log-requests', 'a line in the log for each request (ARBOR_LOG_REQUESTS=true)')
    .addHelpText(
      'after',
      '\nAll commands but serve and config ask a running server: the one at the configured address, or --server <url>. They\n' +
        'read the admin token from ARBOR_ADMIN_TOKEN, or from the data folder, where the first start of a server puts one.\n\n' +
        '"arbor <command> --help" lists the options of a command, README.md lists every setting.',
    )
    .configureHelp({ helpWidth: 120, showGlobalOptions: true })
    .showHelpAfterError('(arbor --help lists what there is)')
    .exitOverride()
  for (const add of COMMANDS) add(program, surroundings)
  return program
}

/** Whether commander has told the user already; its exit code is 0 after help and version. */
export function isCommandLineEnd(error: unknown): error is CommanderError {
  return error instanceof CommanderError
}
