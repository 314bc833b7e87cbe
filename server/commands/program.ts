import { Command, CommanderError, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { describeConfig, describeConfigAsToml } from '../config/describe.ts'
import type { Flags } from '../config/environment.ts'
import { duration, size, type Notation } from '../config/notation.ts'
import { version } from '../version.ts'

/** What the commands need of the process that runs them. */
export interface Surroundings {
  readonly loadConfig: (flags: Flags) => Promise<Config>
  readonly print: (text: string) => void
  /** Runs the server until it is told to end. */
  readonly serve: (config: Config) => Promise<void>
}

/**
 * The command line: `arbor [serve]`, `config`, `stats`, `prune`. Parsing throws commander's `CommanderError` after it has
 * printed help, a version or a mistake, and else whatever the command throws.
 */
export function createProgram(surroundings: Surroundings): Command {
  const program = new Command('arbor')
    .description('A caching proxy for Python package indexes that serves every wheel as a file, and as a tree by hash.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one (ARBOR_LISTEN, 127.0.0.1:3141)')
    .option('--data <folder>', 'what holds all that is stored (ARBOR_DATA, a folder in your cache)')
    .option('--upstream <url>', 'the index to front (ARBOR_UPSTREAM, https://pypi.org/simple/)')
    .option('--config <file>', 'a TOML file with these and further settings (ARBOR_CONFIG)')
    .addHelpText(
      'after',
      '\nThe admin API takes the token in ARBOR_ADMIN_TOKEN; without one, it is made at the first start.',
    )
    .configureHelp({ helpWidth: 120 })
    .showHelpAfterError('(arbor --help lists what there is)')
    .exitOverride()
  addServe(program, surroundings)
  addConfig(program, surroundings)
  addStats(program, surroundings)
  addPrune(program, surroundings)
  return program
}

function addServe(program: Command, { loadConfig, serve }: Surroundings): void {
  program
    .command('serve', { isDefault: true })
    .description('run the server; the default')
    .allowExcessArguments()
    .action(async (_options: object, command: Command) => {
      // Commander gives every unknown command to the default one.
      const [word] = command.args
      if (word !== undefined) program.error(`error: unknown command '${word}'`)
      await serve(await loadConfig(command.optsWithGlobals<Flags>()))
    })
}

function addConfig(program: Command, { loadConfig, print }: Surroundings): void {
  program
    .command('config')
    .description('print the effective configuration, secrets hidden')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const config = await loadConfig(command.optsWithGlobals<Flags>())
      print(json ? `${JSON.stringify(describeConfig(config), undefined, 2)}\n` : describeConfigAsToml(config))
    })
}

interface ClientOptions extends Flags {
  readonly server?: URL
  readonly json?: boolean
}

function addStats(program: Command, { loadConfig, print }: Surroundings): void {
  program
    .command('stats')
    .description('print what a running server did and holds')
    .option('--server <url>', 'the server to ask (the one that listens as configured)', parseServer)
    .option('--json', 'as JSON')
    .action(async (_options: object, command: Command) => {
      const { server, json = false, ...flags } = command.optsWithGlobals<ClientOptions>()
      const { renderStats } = await import('./stats.ts')
      print(await renderStats(await loadConfig(flags), { server, json }))
    })
}

interface PruneFlags extends ClientOptions {
  readonly execute?: boolean
  readonly maxSize?: number
  readonly unusedFor?: number
}

function addPrune(program: Command, { loadConfig, print }: Surroundings): void {
  program
    .command('prune')
    .description('print what a running server would delete, or have it deleted')
    .option('--execute', 'delete; without this nothing is')
    .option('--max-size <size>', 'what may stay, such as 50GiB; least recently used goes first', as(size))
    .option('--unused-for <time>', 'what was not used for so long goes, such as 30d', as(duration))
    .option('--server <url>', 'the server to ask (the one that listens as configured)', parseServer)
    .option('--json', 'as JSON')
    .action(async (_options: object, command: Command) => {
      const {
        server,
        json = false,
        execute = false,
        maxSize,
        unusedFor,
        ...flags
      } = command.optsWithGlobals<PruneFlags>()
      const { renderPrune } = await import('./prune.ts')
      const config = await loadConfig(flags)
      print(await renderPrune(config, { server, json, execute, maxBytes: maxSize, unusedForMs: unusedFor }))
    })
}

function as<T>(notation: Notation<T>): (written: string) => T {
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

/** Whether commander has told the user already; its exit code is 0 after help and version. */
export function isCommandLineEnd(error: unknown): error is CommanderError {
  return error instanceof CommanderError
}
