import { type Command, Option } from 'commander'
import { WARM_FORMATS } from '../../../routes/administration.ts'
import { addJobOptions, type JobFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface WarmFlags extends JobFlags {
  readonly index?: string
  readonly format?: string
}

export function addWarm(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('warm')
    .description(
      'fetch all files that a lock file lists: uv.lock, pylock.toml, poetry.lock, pdm.lock or requirements.txt',
    )
    .argument('<file>', 'the lock file, or - for standard input')
    .option('--index <name>', 'the index to fetch from (default: the default index)')
    .addOption(
      new Option('--format <name>', 'the format of the file (default: recognized by its content)').choices(
        WARM_FORMATS,
      ),
    )
  addJobOptions(command).action(async (file: string) => {
    const { server, json = false, detach = false, index, format, ...flags } = command.optsWithGlobals<WarmFlags>()
    const { runWarm } = await import('../warm.ts')
    const list = { file, index, format, server }
    await runWarm(await surroundings.loadConfig(flags), list, { ...surroundings, json, detach })
  })
}
