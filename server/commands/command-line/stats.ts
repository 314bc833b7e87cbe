import { type Command, Option } from 'commander'
import { addClientOptions, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface StatsFlags extends ClientFlags {
  readonly by?: string
  readonly since?: string
}

export function addStats(program: Command, { loadConfig, print }: Surroundings): void {
  const command = program
    .command('stats')
    .description('print what the server did, and what it holds')
    .addOption(
      new Option('--by <what>', 'the sums of what was asked for by name: pages, and files by their URLs').choices([
        'day',
        'index',
        'project',
      ]),
    )
    .option('--since <day>', 'from that day on (UTC), such as 2026-01-31')
  addClientOptions(command).action(async () => {
    const { server, json = false, by, since, ...flags } = command.optsWithGlobals<StatsFlags>()
    const { renderStats } = await import('../stats.ts')
    print(await renderStats(await loadConfig(flags), { server, json, by, since }))
  })
}
