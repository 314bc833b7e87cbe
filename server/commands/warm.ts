import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { AdminError } from './admin-client.ts'
import type { Surroundings } from './command-line/surroundings.ts'
import { type JobOptions, runJob } from './run-job.ts'

export interface WarmArguments {
  readonly file: string
  readonly index: string | undefined
  readonly format: string | undefined
  readonly server: URL | undefined
}

/** `arbor warm`: has what a lock file lists fetched. Throws {@link AdminError}. */
export async function runWarm(
  config: Config,
  { file, index, format, server }: WarmArguments,
  options: JobOptions & Pick<Surroundings, 'readFile'>,
): Promise<void> {
  const body = await options.readFile(file).catch((cause: unknown) => {
    throw new AdminError(`cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  })
  // Named in full, since npm runs us in the folder of Arbor, wherever its user is.
  if (body === undefined) throw new AdminError(`there is no file ${resolve(file)}`)
  const query = new URLSearchParams()
  if (index !== undefined) query.set('index', index)
  if (format !== undefined) query.set('format', format)
  await runJob(config, { method: 'POST', path: `admin/warm?${query.toString()}`, body, server }, options)
}
