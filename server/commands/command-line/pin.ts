import type { Command } from 'commander'
import { addClientOptions, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

export function addPin(program: Command, { loadConfig, print }: Surroundings): void {
  const pin = program
    .command('pin')
    .description('protect projects, versions or files from prune and forget')
    .helpCommand(false)
  for (const [verb, what] of [
    ['add', 'protect a project, name==version, or sha256:<hex>'],
    ['remove', 'end the protection'],
  ] as const) {
    const command = pin.command(verb).description(what).argument('<pin...>')
    addClientOptions(command).action(async (pins: string[]) => {
      const { server, json = false, ...flags } = command.optsWithGlobals<ClientFlags>()
      const { changePins } = await import('../pins.ts')
      print(await changePins(await loadConfig(flags), { verb, pins, server, json }))
    })
  }
  const list = pin.command('list').description('print what is pinned')
  addClientOptions(list).action(async () => {
    const { server, json = false, ...flags } = list.optsWithGlobals<ClientFlags>()
    const { renderPins } = await import('../pins.ts')
    print(await renderPins(await loadConfig(flags), { server, json }))
  })
}
