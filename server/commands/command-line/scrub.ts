import type { Command } from 'commander'
import { size } from '../../config/notation.ts'
import { addJobOptions, as, type JobFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface ScrubFlags extends JobFlags {
  readonly rate?: number
}

export function addScrub(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('scrub')
    .description(
      'have a running server read all that it stores, or what is left where a scrub was broken off, and heal what is damaged',
    )
    .option('--rate <size>', 'how much it reads a second, such as 50MiB (as configured)', as(size))
  addJobOptions(command).action(async () => {
    const { server, json = false, detach = false, rate, ...flags } = command.optsWithGlobals<ScrubFlags>()
    const { runJob } = await import('../run-job.ts')
    const request = { method: 'POST', path: 'admin/scrub', body: { bytesPerSecond: rate }, server } as const
    await runJob(await surroundings.loadConfig(flags), request, { ...surroundings, json, detach })
  })
}
