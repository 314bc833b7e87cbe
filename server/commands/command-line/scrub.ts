import type { Command } from 'commander'
import { type Notation, size } from '../../config/notation.ts'
import { addJobOptions, as, type JobFlags } from './options.ts'
import type { Surroundings } from './surroundings.ts'

interface ScrubFlags extends JobFlags {
  readonly rate?: number
}

/** As the configuration writes it, or without the second. */
const rate: Notation<number> = {
  expected: 'a size in a second such as "50MiB/s", or "unlimited"',
  parse: (written) =>
    written === 'unlimited' ? Number.MAX_SAFE_INTEGER : size.parse(String(written).replace(/\/s$/, '')),
}

export function addScrub(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('scrub')
    .description('read all that is stored, and replace what is damaged; continues where the last scrub was interrupted')
    .option(
      '--rate <rate>',
      'how fast to read at most, such as 50MiB/s, or "unlimited" (default: as configured)',
      as(rate),
    )
  addJobOptions(command).action(async () => {
    const {
      server,
      json = false,
      detach = false,
      rate: bytesPerSecond,
      ...flags
    } = command.optsWithGlobals<ScrubFlags>()
    const { runJob } = await import('../run-job.ts')
    const request = { method: 'POST', path: 'admin/scrub', body: { bytesPerSecond }, server } as const
    await runJob(await surroundings.loadConfig(flags), request, { ...surroundings, json, detach })
  })
}
