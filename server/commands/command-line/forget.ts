import type { Command } from 'commander'
import { addClientOptions, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface ForgetFlags extends ClientFlags {
  readonly index?: string
  readonly page?: boolean
}

export function addForget(program: Command, { loadConfig, print }: Surroundings): void {
  const command = program
    .command('forget')
    .description('delete all that is stored of a project, or one file, at once')
    .argument('<project or sha256:hex>')
    .option('--page', 'only the page of the project: the next request asks upstream for it')
    .option('--index <name>', 'only what was seen on this index and on no other')
  addClientOptions(command).action(async (what: string) => {
    const { server, json = false, index, page = false, ...flags } = command.optsWithGlobals<ForgetFlags>()
    const { renderForget } = await import('../forget.ts')
    print(await renderForget(await loadConfig(flags), { what, index, page, server, json }))
  })
}
