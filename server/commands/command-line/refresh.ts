import type { Command } from 'commander'
import { addClientOptions, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface RefreshFlags extends ClientFlags {
  readonly index?: string
}

export function addRefresh(program: Command, { loadConfig, print }: Surroundings): void {
  const command = program
    .command('refresh')
    .description("ask upstream for a project's page now, even if the stored one is still fresh")
    .argument('<project>')
    .option('--index <name>', 'the index (default: the default index)')
  addClientOptions(command).action(async (project: string) => {
    const { server, json = false, index, ...flags } = command.optsWithGlobals<RefreshFlags>()
    const { renderRefresh } = await import('../refresh.ts')
    print(await renderRefresh(await loadConfig(flags), { project, index, server, json }))
  })
}
