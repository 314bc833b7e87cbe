import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { measureInRounds } from '../rounds.ts'
import { runProgram } from '../servers/child.ts'
import type { Row } from '../table.ts'
import { ArborUnpacker } from '../unpackers/arbor.ts'
import { findCommands } from '../unpackers/commands.ts'
import { hashing, notHashing } from '../unpackers/hashing.ts'
import type { UnpackerKind } from '../unpackers/unpacker-kind.ts'
import { findMemoryFolder } from '../wheels/memory-folder.ts'
import { findRealWheel, type SampleWheel } from '../wheels/sample-wheels.ts'
import { makeShapeWheel, shapes } from '../wheels/shape-wheels.ts'

const PROJECTS = ['tomli', 'black', 'numpy', 'pandas', 'django']

interface Place {
  readonly name: string
  readonly folder: string
}

export const unpack: Benchmark = {
  name: 'unpack',
  about: 'wheels into files, in memory and on the disk; and what hashing adds to it',
  findObstacle: async () => undefined,
  async run(options) {
    const real = (await Promise.all(PROJECTS.map(findRealWheel))).filter((wheel) => wheel !== undefined)
    const { kinds: commands, absences } = await findCommands()
    await using ours = new ArborUnpacker()
    const kinds = [ours, ...commands]
    const memory = await findMemoryFolder(options.folder)
    const places = [
      ...(memory === options.folder ? [] : [{ name: 'memory', folder: memory }]),
      { name: 'disk', folder: options.folder },
    ]
    const rows: Row[] = []
    const hashRows: Row[] = []
    for (const take of [...real.map((wheel) => () => Promise.resolve(wheel)), ...shapeTakers(options)]) {
      const wheel = await take()
      for (const place of places) rows.push(await measureWheel(wheel, kinds, place, options))
      hashRows.push(
        await measureWheel(wheel, [hashing, notHashing], places[0] ?? { name: 'disk', ...options }, options),
      )
    }
    return [
      {
        title: 'Unpacking a wheel',
        columns: kinds.map(({ name }) => name),
        baseline: 'bsdtar',
        rows,
        notes: [
          'arbor: from a stored wheel to a committed tree: CRC-32, BLAKE3 and RECORD checked, packed, synced to the disk; the other ones: the whole command, nothing synced',
          'uv: --no-deps --target with a new cache; uv hashing: the same with --preview-features content-addressed-cache',
          'torch-like and the rows below: made for this, of the shapes that uv used to measure hashing (uv #19693)',
          ...absences,
        ],
      },
      {
        title: 'What BLAKE3 adds to unpacking',
        columns: [hashing.name, notHashing.name],
        baseline: notHashing.name,
        rows: hashRows,
        notes: [
          'both are Arbor in a new process, after one round to warm up; in the second each digest is just a number',
        ],
      },
    ]
  },
}

/** One at a time: together they are more than a gigabyte. */
function shapeTakers({ folder, say }: RunOptions): (() => Promise<SampleWheel>)[] {
  return shapes.map((shape) => () => {
    say(`making ${shape.name}`)
    return makeShapeWheel(folder, shape)
  })
}

async function measureWheel(
  wheel: SampleWheel,
  kinds: readonly UnpackerKind[],
  place: Place,
  { rounds, signal, say }: RunOptions,
): Promise<Row> {
  say(`${wheel.project}, ${place.name}`)
  const medians = await measureInRounds(kinds, { rounds, signal }, async ({ contestant }) => {
    const folder = await mkdtemp(join(place.folder, 'arbor-bench-'))
    try {
      return (await contestant.unpack(wheel, folder, signal)) * 1000
    } finally {
      await rm(folder, { recursive: true, force: true })
      // What one left for the disk to write must not slow down the next one.
      if (place.name === 'disk') await runProgram('sync', ['-f', place.folder], { signal })
    }
  })
  const figures = new Map([...medians].map(([{ name }, figure]) => [name, figure]))
  return { name: `${wheel.project}, ${place.name}`, unit: 'ms', figures }
}
