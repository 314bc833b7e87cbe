import { randomBytes } from 'node:crypto'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { unpackHere } from '../support/unpack-here.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

/** What an upstream has, and what has to come of it: known beforehand, and not from Arbor. */
export interface Ware {
  readonly project: string
  readonly filename: string
  readonly bytes: Buffer
  readonly sha256: string
  /** By which it is found where it is stored only: what is asked for by SHA-256 is fetched. */
  readonly blake3: string
  /** Of a wheel. */
  readonly tree: WareTree | undefined
}

export interface WareTree {
  readonly id: string
  readonly manifest: Uint8Array
  readonly files: readonly (readonly [path: string, contents: Buffer])[]
}

/** Shared by several wheels: a blob of its own, and one that lies in the pack of whoever came first. */
const shared = { 'shared/large.bin': randomBytes(100_000), 'shared/small.py': 'shared = True\n' }

const RECIPES: readonly WheelRecipe[] = [
  { name: 'tiny', version: '1.0', files: { 'tiny.py': 'tiny = True\n' } },
  { name: 'small', version: '1.0', files: { ...shared, 'small/data.bin': randomBytes(60_000) } },
  { name: 'packed', version: '1.0', files: manyFiles('packed', 80) },
  { name: 'single', version: '1.0', files: { ...shared, 'single.so': randomBytes(1_500_000) }, method: 0 },
  // Enough for two threads, a file that flows through among it.
  {
    name: 'large',
    version: '1.0',
    files: { ...shared, ...manyFiles('large', 150), 'large.so': randomBytes(6_000_000) },
  },
]

function manyFiles(name: string, count: number): Record<string, Buffer> {
  const numbers = Array.from({ length: count }, (_, number) => number)
  return Object.fromEntries(numbers.map((number) => [`${name}/${number}.bin`, randomBytes(500 + number * 97)]))
}

/** Wheels of several sizes, one of them under two names, and an sdist. */
export async function makeWares(): Promise<Ware[]> {
  const wheels = await Promise.all(
    RECIPES.map((recipe) => wareOf(recipe.name, wheelFilename(recipe), makeWheel(recipe))),
  )
  const packed = wheels.find(({ project }) => project === 'packed')
  const sdist = await wareOf('source', 'source-1.0.tar.gz', randomBytes(2_000_000))
  return packed === undefined
    ? [...wheels, sdist]
    : [...wheels, { ...packed, project: 'twin', filename: 'twin-1.0-py3-none-any.whl' }, sdist]
}

/** An index that has them. */
export async function startUpstreamOf(wares: readonly Ware[]): Promise<Upstream> {
  const distributions = await Promise.all(wares.map(({ filename, bytes }) => distributionOf(filename, bytes)))
  return startUpstream({ distributions, quirks: { bytesPerSecond: 20_000_000 } })
}

async function wareOf(project: string, filename: string, bytes: Buffer): Promise<Ware> {
  const tree = filename.endsWith('.whl') ? await treeOf(bytes) : undefined
  return { project, filename, bytes, sha256: hashSha256(bytes), blake3: hashBlake3(bytes), tree }
}

async function treeOf(bytes: Buffer): Promise<WareTree> {
  await using unpacked = await unpackHere(bytes)
  const { result, files } = unpacked
  return { id: result.unpacked.tree.id, manifest: result.manifest, files: [...files] }
}
