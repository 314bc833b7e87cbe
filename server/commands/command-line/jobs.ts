import type { Command } from 'commander'
import { addClientOptions, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface JobsFlags extends ClientFlags {
  readonly cancel?: boolean
  readonly follow?: boolean
}

export function addJobs(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('jobs')
    .description('list the jobs of the server, or show one')
    .argument('[id]', 'the id of the job to show')
    .option('--follow', 'show its progress until it ends')
    .option('--cancel', 'end it')
  addClientOptions(command).action(async (id: string | undefined) => {
    const { server, json = false, cancel = false, follow = false, ...flags } = command.optsWithGlobals<JobsFlags>()
    if (id === undefined && (cancel || follow)) program.error('error: which job? Give its id')
    if (cancel && follow) program.error('error: --cancel and --follow do not go together')
    const { runJobs } = await import('../jobs.ts')
    const config = await surroundings.loadConfig(flags)
    await runJobs(config, { id, server, cancel, follow }, { ...surroundings, json, detach: !follow })
  })
}
