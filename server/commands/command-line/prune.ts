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
    .option('--execute', 'delete; without this option nothing is deleted')
    .option(
      '--max-size <size>',
      'delete until no more than this is stored, such as 50GiB; the least recently used goes first',
      as(size),
    )
    .option('--max-files <number>', 'delete until no more files than this are stored', as(fileCount))
    .option('--unused-for <time>', 'delete what was not used for this long, such as 30d', as(duration))
    .option('--min-free <size>', 'delete until this much of the disk is free, such as 5GiB', as(size))
    .option('--index <name>', 'only what was seen on this index and on no other; without a limit (above), all of it')
    .option('--project <name>', 'only files of this project; without a limit, all of them')
    .option('--sha256 <digest>', 'only this file; without a limit, it is deleted')
  command.addHelpText('after', '\nWithout any limit or choice, only what nothing refers to any more is deleted.')
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
