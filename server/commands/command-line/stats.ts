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
    .description('print what the server has done, and what it stores')
    .addOption(
      new Option(
        '--by <what>',
        'print the traffic instead: requests for pages, and for files by their URLs, summed up',
      ).choices(['day', 'index', 'project']),
    )
    .option('--since <day>', 'only the traffic from this day on (UTC), such as 2026-01-31')
  addClientOptions(command).action(async () => {
    const { server, json = false, by, since, ...flags } = command.optsWithGlobals<StatsFlags>()
    const { renderStats } = await import('../stats.ts')
    print(await renderStats(await loadConfig(flags), { server, json, by, since }))
  })
}
