import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, InvalidArgumentError } from 'commander'
import type { Benchmark, RunOptions } from './benchmark.ts'
import { archives } from './benchmarks/archives.ts'
import { catalog } from './benchmarks/catalog.ts'
import { cold } from './benchmarks/cold.ts'
import { inflate } from './benchmarks/inflate.ts'
import { pages } from './benchmarks/pages.ts'
import { installers } from './benchmarks/installers.ts'
import { storm } from './benchmarks/storm.ts'
import { trees } from './benchmarks/trees.ts'
import { unpack } from './benchmarks/unpack.ts'
import { wheels } from './benchmarks/wheels.ts'
import { renderTable, type Table, tableAsJson } from './table.ts'

const benchmarks: readonly Benchmark[] = [
  pages,
  wheels,
  trees,
  archives,
  cold,
  storm,
  unpack,
  inflate,
  catalog,
  installers,
]

interface Flags {
  readonly json?: true
  readonly quick?: true
  readonly seconds: number
  readonly rounds: number
}

const names = benchmarks.map(({ name }) => name)
const program = new Command('bench')
  .description('Measures Arbor beside other servers, all on this machine and on loopback, and prints what each did.')
  .addArgument(new Argument('[name...]', 'which benchmarks to run (default: all)').choices(names))
  .option('--json', 'tables as JSON, with the ratios')
  .option('--quick', 'of what takes minutes, only what tells most')
  .option('--seconds <n>', 'length of one measurement under load', parseCount, 1)
  .option('--rounds <n>', 'turns of each server, of which the median counts', parseCount, 3)
  .addHelpText(
    'after',
    `\nBenchmarks:\n${benchmarks.map(({ name, about }) => `  ${name.padEnd(12)}${about}\n`).join('')}`,
  )
  .parse()

const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort(new Error(`ended by ${name}`)))
process.exitCode = await runAll(program.args, program.opts<Flags>())

async function runAll(chosen: readonly string[], flags: Flags): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-bench-'))
  const tables: Table[] = []
  let failures = 0
  try {
    for (const benchmark of benchmarks) {
      if (ending.signal.aborted) break
      if (chosen.length > 0 && !chosen.includes(benchmark.name)) continue
      const outcome = await runOne(benchmark, { folder, flags })
      if (outcome === undefined) failures += 1
      else tables.push(...outcome)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  if (flags.json === true) process.stdout.write(`${JSON.stringify(tables.map(tableAsJson), undefined, 2)}\n`)
  return failures > 0 || ending.signal.aborted ? 1 : 0
}

/** Undefined where it could not be measured; the others still can. */
async function runOne(
  benchmark: Benchmark,
  { folder, flags }: { readonly folder: string; readonly flags: Flags },
): Promise<readonly Table[] | undefined> {
  const { seconds, rounds, quick = false } = flags
  const say: RunOptions['say'] = (text) => void process.stderr.write(`${benchmark.name}: ${text}\n`)
  try {
    const obstacle = await benchmark.findObstacle?.()
    if (obstacle !== undefined) {
      process.stderr.write(`${benchmark.name} is left out: ${obstacle}\n`)
      return []
    }
    const tables = await benchmark.run({ seconds, rounds, quick, folder, say, signal: ending.signal })
    if (flags.json !== true) for (const table of tables) process.stdout.write(`\n${renderTable(table)}`)
    return tables
  } catch (error) {
    process.stderr.write(`${benchmark.name}: not measured: ${error instanceof Error ? error.message : String(error)}\n`)
    return undefined
  }
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1 to 999.')
  return Number(text)
}
