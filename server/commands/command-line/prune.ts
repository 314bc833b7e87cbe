import type { Command } from 'commander'
import { duration, fileCount, size } from '../../config/notation.ts'
import { addClientOptions, as, type ClientFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface PruneFlags extends ClientFlags {
  readonly execute?: boolean
  readonly maxSize?: number
  readonly maxFiles?: number
  readonly unusedFor?: number
  readonly minFree?: number
  readonly index?: string
  readonly project?: string
  readonly sha256?: string
}

export function addPrune(program: Command, { loadConfig, print }: Surroundings): void {
  const command = program
    .command('prune')
    .description('print what a running server would delete, or have it deleted')
    .option('--execute', 'delete; without this nothing is')
    .option('--max-size <size>', 'what may stay, such as 50GiB; least recently used goes first', as(size))
    .option('--max-files <number>', 'how many files may stay', as(fileCount))
    .option('--unused-for <time>', 'what was not used for so long goes, such as 30d', as(duration))
    .option('--min-free <size>', 'what the disk is to have free, such as 5GiB', as(size))
    .option('--index <name>', 'only what was seen on no other index; without a limit, all of that')
    .option('--project <name>', 'only this project; likewise')
    .option('--sha256 <digest>', 'only this distribution; likewise')
  addClientOptions(command).action(async () => {
    const { server, json = false, execute = false, ...rest } = command.optsWithGlobals<PruneFlags>()
    const { maxSize, maxFiles, unusedFor, minFree, index, project, sha256, ...flags } = rest
    const { renderPrune } = await import('../prune.ts')
    const budget = { maxBytes: maxSize, maxFiles, unusedForMs: unusedFor, minFree }
    const only = { index, project, sha256 }
    print(await renderPrune(await loadConfig(flags), { server, json, execute, ...budget, only }))
  })
}
