import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { measureInRounds } from '../rounds.ts'
import { runProgram } from '../servers/child.ts'
import type { Row, Table } from '../table.ts'
import { ArborUnpacker } from '../unpackers/arbor.ts'
import { findCommands } from '../unpackers/commands.ts'
import { hashing, notHashing } from '../unpackers/hashing.ts'
import type { UnpackerKind } from '../unpackers/unpacker-kind.ts'
import { findMemoryFolder } from '../wheels/memory-folder.ts'
import { findRealWheel, type SampleWheel } from '../wheels/sample-wheels.ts'
import { makeShapeWheel, shapes } from '../wheels/shape-wheels.ts'

const PROJECTS = ['tomli', 'black', 'numpy', 'pandas', 'django']
const TELLING_PROJECTS = ['tomli', 'numpy']

/** A wheel to measure, and how. */
interface Sample {
  readonly name: string
  readonly isReal: boolean
  readonly maxRounds: number
  /** Its file; that of a made one is there only while it is measured, since together they are gigabytes. */
  open(): Promise<SampleWheel & AsyncDisposable>
}

interface Place {
  readonly name: string
  readonly folder: string
}

export const unpack: Benchmark = {
  name: 'unpack',
  about: 'wheels into files, in memory and on the disk; and what hashing adds to it (four minutes; --quick: one)',
  findObstacle: async () => undefined,
  async run(options) {
    const { kinds: commands, absences } = await findCommands()
    await using ours = new ArborUnpacker()
    const kinds: readonly UnpackerKind[] = [ours, ...commands]
    const memory = { name: 'memory', folder: await findMemoryFolder(options.folder) }
    const disk = { name: 'disk', folder: options.folder }
    const places = memory.folder === disk.folder ? [disk] : options.quick ? [memory] : [memory, disk]
    const rows: Row[] = []
    const hashRows: Row[] = []
    for (const sample of [...(await findRealSamples(options)), ...madeSamples(options)]) {
      options.say(`making ${sample.name}`)
      await using wheel = await sample.open()
      for (const place of places) {
        // A disk is told apart from memory by a single round.
        const rounds = Math.min(options.rounds, sample.maxRounds, place === memory ? Infinity : 1)
        const able = kinds.filter(({ isSlow }) => isSlow !== true || sample.isReal)
        rows.push(await measureWheel(wheel, able, place, { ...options, rounds }))
      }
      const rounds = Math.min(options.rounds, sample.maxRounds)
      hashRows.push(await measureWheel(wheel, [hashing, notHashing], places[0] ?? disk, { ...options, rounds }))
    }
    return [...unpackingTables(kinds, rows, absences), hashTable(hashRows)]
  },
}

/** The same figures twice: beside bsdtar, and beside the one that hashes as well. */
function unpackingTables(kinds: readonly UnpackerKind[], rows: readonly Row[], absences: readonly string[]): Table[] {
  const notes = [
    'arbor: from a stored wheel to a committed tree: CRC-32 and BLAKE3 checked, packed, synced to the disk; the other ones: the whole command, nothing synced',
    'files over 4 MiB are held against RECORD after that, while the tree is served already, and are not in these figures',
    'uv: --no-deps --target with a new cache; uv hashing: the same with --preview-features content-addressed-cache',
    'torch-like and the rows below: made for this, of the shapes that uv used to measure hashing (uv #19693)',
    'median of the rounds; of the largest wheels there are two or one, and one on the disk',
  ]
  const columns = kinds.map(({ name }) => name)
  const beside = { title: 'Unpacking a wheel', columns, baseline: 'bsdtar', rows, notes: [...notes, ...absences] }
  const hashers = columns.filter((name) => name === 'arbor' || name.startsWith('uv'))
  if (hashers.length === 1) return [beside]
  return [beside, { title: 'The same beside uv', columns: hashers, baseline: 'uv hashing', rows, notes: [] }]
}

function hashTable(rows: readonly Row[]): Table {
  return {
    title: 'What BLAKE3 adds to unpacking',
    columns: [hashing.name, notHashing.name],
    baseline: notHashing.name,
    rows,
    notes: ['both are Arbor in a new process, after one round to warm up; in the second each digest is just a number'],
  }
}

async function findRealSamples({ quick, rounds }: RunOptions): Promise<Sample[]> {
  const wheels = await Promise.all((quick ? TELLING_PROJECTS : PROJECTS).map(findRealWheel))
  return wheels
    .filter((wheel) => wheel !== undefined)
    .map((wheel) => ({
      name: wheel.project,
      isReal: true,
      maxRounds: rounds,
      open: () => Promise.resolve({ ...wheel, [Symbol.asyncDispose]: () => Promise.resolve() }),
    }))
}

function madeSamples({ folder, quick, rounds }: RunOptions): Sample[] {
  return shapes
    .filter(({ isTelling }) => isTelling === true || !quick)
    .map((shape) => ({
      name: shape.name,
      isReal: false,
      maxRounds: shape.maxRounds ?? rounds,
      async open() {
        const wheel = await makeShapeWheel(folder, shape)
        return { ...wheel, [Symbol.asyncDispose]: () => rm(wheel.path) }
      },
    }))
}

function isSlowKind({ isSlow }: UnpackerKind): boolean {
  return isSlow === true
}

async function measureWheel(
  wheel: SampleWheel,
  kinds: readonly UnpackerKind[],
  place: Place,
  { rounds, signal, say }: RunOptions,
): Promise<Row> {
  say(`${wheel.project}, ${place.name}`)
  const medians = await measureInRounds(kinds, { rounds, signal, once: isSlowKind }, async ({ contestant }) => {
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
