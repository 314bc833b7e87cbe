import { readFile } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'
import { openArchive } from '../../../storage/archive/archive.ts'
import { isWhole, MAX_WHOLE_BYTES } from '../../../storage/archive/contents.ts'
import { Inflater } from '../../../storage/archive/inflater.ts'
import { MemberReader } from '../../../storage/archive/member-reader.ts'
import { diskSyncIo } from '../../../storage/io.ts'
import type { Benchmark } from '../benchmark.ts'
import { measureInRounds } from '../rounds.ts'
import type { Row } from '../table.ts'
import { findRealWheel, type SampleWheel } from '../wheels/sample-wheels.ts'
import { makeShapeWheel, shapes } from '../wheels/shape-wheels.ts'

const PROJECTS = ['numpy', 'pandas', 'black', 'django']
/** Thousands of headers. */
const MADE = '10k-tiny'
/** The first ones are not measured: code is compiled meanwhile. */
const WARM_UP_ROUNDS = 3

/** Inflates all members of a wheel and looks at their CRC-32. */
interface Contestant {
  readonly name: string
  inflate(wheel: SampleWheel): Promise<void>
}

const inflater = new Inflater(MAX_WHOLE_BYTES)
const [room] = inflater.rooms

const ours: Contestant = {
  name: 'arbor',
  async inflate({ path }) {
    const archive = openArchive(diskSyncIo, path)
    const reader = new MemberReader(archive.file, inflater)
    const { signal } = new AbortController()
    for (const member of archive.members) {
      if (isWhole(member)) reader.read(member, room.subarray(0, member.size))
      else for (const _ of reader.readPieces(member, signal));
    }
    archive.close()
  },
}

const zlib: Contestant = {
  name: 'zlib',
  async inflate({ path }) {
    const archive = openArchive(diskSyncIo, path)
    const bytes = await readFile(path)
    for (const { dataOffset, compressedSize, method, size, ...member } of archive.members) {
      const packed = bytes.subarray(dataOffset, dataOffset + compressedSize)
      const contents = method === 0 ? packed : inflateRawSync(packed, { chunkSize: Math.max(64, size + 1) })
      if (crc32(contents) !== member.crc32) throw new Error(`${member.path} is damaged`)
    }
    archive.close()
  },
}

export const inflate: Benchmark = {
  name: 'inflate',
  about: "what inflates members, beside node's zlib: all of a wheel, with their checksums",
  findObstacle: async () => undefined,
  async run({ folder, rounds, signal, say }) {
    const made = shapes.find(({ name }) => name === MADE)
    if (made === undefined) throw new Error(`there is no shape ${MADE}`)
    const shape = await makeShapeWheel(folder, made)
    const real = await Promise.all(PROJECTS.map(findRealWheel))
    const rows: Row[] = []
    for (const wheel of [...real.filter((found) => found !== undefined), shape]) {
      say(wheel.project)
      const once = (contestant: Contestant): Promise<void> => contestant.inflate(wheel)
      for (let round = 0; round < WARM_UP_ROUNDS; round += 1) for (const each of [ours, zlib]) await once(each)
      const figures = await measureInRounds([ours, zlib], { rounds, signal }, async ({ contestant }) => {
        const started = performance.now()
        await once(contestant)
        return performance.now() - started
      })
      rows.push({ name: wheel.project, unit: 'ms', figures: new Map([...figures].map(([{ name }, ms]) => [name, ms])) })
    }
    return [
      {
        title: 'Inflating all members of a wheel',
        columns: ['arbor', 'zlib'],
        baseline: 'zlib',
        rows,
        notes: ['in one thread; both also read the directory and the file'],
      },
    ]
  },
}
