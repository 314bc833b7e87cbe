import type { Command } from 'commander'
import { describeConfig, describeConfigAsToml } from '../../config/describe.ts'
import type { Flags } from '../../config/environment.ts'
import type { Surroundings } from './surroundings.ts'

export function addConfig(program: Command, { loadConfig, print }: Surroundings): void {
  program
    .command('config')
    .description('print the settings in force, secrets hidden')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const config = await loadConfig(command.optsWithGlobals<Flags>())
      print(json ? `${JSON.stringify(describeConfig(config), undefined, 2)}\n` : describeConfigAsToml(config))
    })
}
