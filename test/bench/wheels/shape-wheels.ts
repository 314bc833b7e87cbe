import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../support/random.ts'
import { type HeaderFields, writeZip, type ZipMember } from '../../support/zip-members.ts'
import type { SampleWheel } from './sample-wheels.ts'
import { makeBlock, packContent, type PackedContent, packRepeated, randomBytesFrom } from './shape-content.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Contents in the order of the archive; the same each time for the same random numbers. */
export interface Shape {
  readonly name: string
  /** Measured at most so often, since once takes seconds. */
  readonly maxRounds?: number
  /** Among the few that tell most. */
  readonly isTelling?: true
  readonly contents: (random: Random) => Iterable<PackedContent>
}

/** What a big project's wheel looks like: 12,248 files of 699 MB, of which 434 MB are one library. */
export const torchLike: Shape = {
  name: 'torch-like',
  maxRounds: 2,
  isTelling: true,
  *contents(random) {
    const block = makeBlock(random)
    for (const megabytes of [434, 60, 30, 20, 12, 6]) yield packRepeated(block, megabytes * 1_000_000)
    const slice = (size: number): Buffer => {
      const start = random.below(block.length - size)
      return block.subarray(start, start + size)
    }
    // Between 64 KiB and a megabyte, most of them nearer to the former.
    for (let count = 0; count < 294; count += 1) {
      yield packContent(slice(64 * KIB + Math.floor((random.below(1000) / 1000) ** 2 * 512 * KIB)), 8)
    }
    // The headers: a few hundred bytes to 64 KiB, half of them under 2 KiB.
    for (let count = 0; count < 11_945; count += 1) {
      yield packContent(slice(300 + Math.floor((random.below(1000) / 1000) ** 5 * 31 * KIB)), 8)
    }
  },
}

/** The shapes that uv's own benchmarks of hashing have (uv #19693). */
export const shapes: readonly Shape[] = [
  torchLike,
  { ...stored('stored-64m', 64 * MIB), isTelling: true },
  stored('stored-256m', 256 * MIB),
  { ...manyFiles('10k-tiny', { count: 10_000, min: 50, max: 1500 }), isTelling: true },
  manyFiles('1k-medium', { count: 1000, min: 20 * KIB, max: 200 * KIB }),
  {
    name: 'zeros-512m',
    maxRounds: 2,
    *contents() {
      yield packRepeated(Buffer.alloc(8 * MIB), 512 * MIB)
    },
  },
  { ...big('big-512m', 512 * MIB), maxRounds: 2 },
  { ...big('big-1g', 1024 * MIB), maxRounds: 1 },
]

/** Writes a wheel of that shape into a folder that exists. */
export async function makeShapeWheel(folder: string, shape: Shape): Promise<SampleWheel> {
  const project = shape.name
  const stem = project.replaceAll('-', '_')
  const files = [...shape.contents(new Random(1))].map(
    (content, index) => [`${stem}/${index >> 7}/${index}.bin`, content] as const,
  )
  const info = `${stem}-1.0.dist-info`
  const metadata = `Metadata-Version: 2.1\nName: ${project}\nVersion: 1.0\n`
  const members: (readonly [string, PackedContent])[] = [
    ...files,
    [`${info}/METADATA`, text(metadata)],
    [`${info}/WHEEL`, text('Wheel-Version: 1.0\nGenerator: arbor-bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n')],
  ]
  const rows = members.map(([path, { sha256, size }]) => `${path},sha256=${sha256},${size}`)
  members.push([`${info}/RECORD`, text([...rows, `${info}/RECORD,,`, ''].join('\n'))])
  const filename = `${stem}-1.0-py3-none-any.whl`
  const path = join(folder, filename)
  await writeFile(path, writeZip(members.map(([name, content]) => memberOf(name, content))))
  return { path, filename, project }
}

function text(content: string): PackedContent {
  return packContent(Buffer.from(content), 8)
}

function memberOf(name: string, content: PackedContent): ZipMember {
  const { method, compressed, crc32, size } = content
  const fields: Partial<HeaderFields> = { crc32, size }
  return { name, method, compressed, local: fields, central: fields }
}

function stored(name: string, size: number): Shape {
  return {
    name,
    *contents(random) {
      yield packContent(randomBytesFrom(random, size), 0)
    },
  }
}

function big(name: string, size: number): Shape {
  return {
    name,
    *contents(random) {
      yield packRepeated(makeBlock(random), size)
    },
  }
}

function manyFiles(name: string, range: { readonly count: number; readonly min: number; readonly max: number }): Shape {
  return {
    name,
    *contents(random) {
      const block = makeBlock(random)
      for (let count = 0; count < range.count; count += 1) {
        const size = range.min + random.below(range.max - range.min)
        const start = random.below(block.length - size)
        yield packContent(block.subarray(start, start + size), 8)
      }
    },
  }
}
