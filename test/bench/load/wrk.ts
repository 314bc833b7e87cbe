import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '../servers/program.ts'
import { runProgram } from '../servers/child.ts'

export interface Load {
  readonly url: string
  /** Paths of the same origin to ask for in turn, instead of `url`'s own. */
  readonly paths?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** Where a file can be put. */
  readonly folder: string
  readonly signal: AbortSignal
}

export interface LoadResult {
  readonly requestsPerSecond: number
  /** Of bodies and headers, 10^6 bytes per second; also of responses that were still under way at the end. */
  readonly megabytesPerSecond: number
  /** Milliseconds. */
  readonly p99: number
  /** Seconds. */
  readonly lasted: number
}

/** Why there can be no load; undefined where there can. */
export async function findLoadObstacle(): Promise<string | undefined> {
  return (await findProgram('wrk')) === undefined ? 'there is no wrk: apt-get install wrk' : undefined
}

/** Asks for the same over and over on kept connections, from one thread, and counts. Throws where any request failed. */
export async function measureLoad(load: Load): Promise<LoadResult> {
  const { url, connections, seconds, headers = {}, signal } = load
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const program = ['-s', join(import.meta.dirname, 'report.lua')]
  const extra: string[] = []
  if (load.paths !== undefined) {
    const file = join(load.folder, `paths-${crypto.randomUUID()}`)
    await writeFile(file, `${load.paths.join('\n')}\n`)
    extra.push('--', file)
  }
  const size = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`]
  const output = await runProgram('wrk', [...size, '--timeout', '20s', ...fields, ...program, url, ...extra], {
    signal,
  })
  return parseReport(output, url)
}

function parseReport(output: string, url: string): LoadResult {
  const line = output.split('\n').findLast((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`wrk said nothing that can be used about ${url}:\n${output}`)
  const report = JSON.parse(line) as Record<'requests' | 'bytes' | 'microseconds' | 'failures' | 'p99', number>
  if (report.failures > 0 || report.bytes === 0) {
    throw new Error(`${report.failures} of ${report.requests} requests for ${url} failed:\n${output}`)
  }
  return {
    requestsPerSecond: report.requests / (report.microseconds / 1e6),
    megabytesPerSecond: report.bytes / report.microseconds,
    p99: report.p99 / 1000,
    lasted: report.microseconds / 1e6,
  }
}
