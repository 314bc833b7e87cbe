import type { Command } from 'commander'
import type { Flags } from '../../config/environment.ts'
import { suggest } from '../../config/mistakes.ts'
import type { Surroundings } from './surroundings.ts'

export function addServe(program: Command, { loadConfig, serve }: Surroundings): void {
  program
    .command('serve', { isDefault: true })
    .description('run the server (without any command, too)')
    .allowExcessArguments()
    .action(async (_options: object, command: Command) => {
      // Commander gives every unknown command to the default one.
      const [word] = command.args
      if (word !== undefined) {
        const names = program.commands.map((each) => each.name())
        program.error(`error: unknown command '${word}'; ${suggest(word, names)}`)
      }
      await serve(await loadConfig(command.optsWithGlobals<Flags>()))
    })
}
