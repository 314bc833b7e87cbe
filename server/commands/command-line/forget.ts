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
    .description('delete what is stored of a project, or of one file, now')
    .argument('<project or sha256:hex>')
    .option('--page', 'only the page of the project, so that it is asked for again')
    .option('--index <name>', 'only what was seen on this index and on no other')
  addClientOptions(command).action(async (what: string) => {
    const { server, json = false, index, page = false, ...flags } = command.optsWithGlobals<ForgetFlags>()
    const { renderForget } = await import('../forget.ts')
    print(await renderForget(await loadConfig(flags), { what, index, page, server, json }))
  })
}
