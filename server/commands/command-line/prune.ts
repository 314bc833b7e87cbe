import type { Command } from 'commander'
import { duration, fileCount, size } from '../../config/notation.ts'
import { addJobOptions, as, type JobFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface PruneFlags extends JobFlags {
  readonly execute?: boolean
  readonly maxSize?: number
  readonly maxFiles?: number
  readonly unusedFor?: number
  readonly minFree?: number
  readonly index?: string
  readonly project?: string
  readonly sha256?: string
}

export function addPrune(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('prune')
    .description('print what would be deleted to make room; with --execute, delete it')
    .option('--execute', 'delete; without this nothing is deleted')
    .option('--max-size <size>', 'what may stay, such as 50GiB; the least recently used goes first', as(size))
    .option('--max-files <number>', 'how many files may stay', as(fileCount))
    .option('--unused-for <time>', 'what was not used for so long goes, such as 30d', as(duration))
    .option('--min-free <size>', 'what the disk is to have free, such as 5GiB', as(size))
    .option('--index <name>', 'only what was seen on this index and on no other; without a limit, all of it')
    .option('--project <name>', 'only what is of this project; without a limit, all of it')
    .option('--sha256 <digest>', 'only this distribution; without a limit, it goes')
  command.addHelpText('after', '\nWithout any of these limits and choices, only what nothing needs any more goes.')
  addJobOptions(command).action(async () => {
    const { server, json = false, execute = false, detach = false, ...rest } = command.optsWithGlobals<PruneFlags>()
    const { maxSize, maxFiles, unusedFor, minFree, index, project, sha256, ...flags } = rest
    const { renderPlan, runPrune } = await import('../prune.ts')
    const config = await surroundings.loadConfig(flags)
    const only = { index, project, sha256 }
    const limits = { maxBytes: maxSize, maxFiles, unusedForMs: unusedFor, minFree, only }
    if (execute) await runPrune(config, limits, { ...surroundings, server, json, detach })
    else surroundings.print(await renderPlan(config, limits, { json, server }))
  })
}
