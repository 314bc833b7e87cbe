import type { Command } from 'commander'
import { describeConfig, describeConfigAsToml } from '../../config/describe.ts'
import type { Flags } from '../../config/environment.ts'
import { formatJson } from '../outline.ts'
import type { Surroundings } from './surroundings.ts'

export function addConfig(program: Command, { loadConfig, print }: Surroundings): void {
  program
    .command('config')
    .description('print the settings in force, with secrets hidden')
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const config = await loadConfig(command.optsWithGlobals<Flags>())
      print(json ? formatJson(describeConfig(config)) : describeConfigAsToml(config))
    })
}
