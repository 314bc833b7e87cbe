import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Catalog, UnpackedTree } from '../../../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { type Blake3, parseBlake3, parseSha256 } from '../../../storage/digest.ts'
import { diskIo } from '../../../storage/io.ts'
import type { Place } from '../../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../../storage/names.ts'
import { FIRST_STORED_AT, TODAY } from './large-catalog.ts'

/** One operation: how long it took, the processor time of the main thread, and the longest time for which nothing else could run. */
export interface CatalogFigure {
  readonly name: string
  readonly wallMs: number
  readonly threadMs: number
  readonly stallMs: number
}

/** When all of it is older than any limit. */
const NOW = FIRST_STORED_AT + 400 * 86_400_000
const TREE_FILES = 12_000

// Its argument is the path of a generated catalog, which it changes; it prints the figures as JSON.
const figures: CatalogFigure[] = []
const path = process.argv[2] ?? ''
const catalog = await measure('open', () => openSqliteCatalog({ path, io: diskIo }))
const { storedBytes } = await measure('stats', () => catalog.stats())
await measure('largest and coldest projects', async () => {
  await catalog.listProjects('largest', 20)
  await catalog.listProjects('coldest', 20)
})
await measure('traffic of 30 days by index', () => catalog.findTraffic({ since: TODAY - 29, by: 'index', limit: 20 }))
await measure('prune plan, nothing to do', () => catalog.planPrune({}, NOW))
await measure('prune plan, a tenth of it', () => catalog.planPrune({ maxBytes: 0.9 * storedBytes }, NOW))
await measure('prune plan, all of it', () => catalog.planPrune({ maxBytes: 0 }, NOW))
const plan = await catalog.planPrune({ maxBytes: 0.99 * storedBytes }, NOW)
await measure('prune, a hundredth of it', () => catalog.executePrune(plan, () => Promise.resolve()))
const [, , condemned] = await catalog.listFiles(500_000, 3)
if (condemned === undefined) throw new Error('there is no pack to condemn')
await measure('condemn a pack', () => catalog.condemn(condemned.blake3, () => Promise.resolve()))
await measure('add a distribution', () => addDistribution(catalog))
const wheel = await addDistribution(catalog)
const unpacked = makeTree()
await measure(`add a tree of ${TREE_FILES.toLocaleString('en')} files`, () => catalog.addTree(wheel, unpacked))
await catalog.close()
process.stdout.write(JSON.stringify(figures))

async function measure<T>(name: string, work: () => Promise<T>): Promise<T> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await delay(10)
  histogram.reset()
  const before = process.threadCpuUsage()
  const started = performance.now()
  const outcome = await work()
  const wallMs = performance.now() - started
  const { user, system } = process.threadCpuUsage(before)
  await delay(10)
  histogram.disable()
  figures.push({ name, wallMs, threadMs: (user + system) / 1000, stallMs: histogram.max / 1e6 })
  return outcome
}

async function addDistribution(to: Catalog): Promise<Blake3> {
  const blake3 = someBlake3()
  const sighting = {
    index: parseIndexName('pypi'),
    project: parseProjectName('new'),
    filename: parseFilename('new-1.0-py3-none-any.whl'),
  }
  await to.addDistribution({ blake3, sha256: parseSha256(someHex()), size: 1000, storedAt: NOW }, sighting)
  return blake3
}

/** All of it new, in one pack. */
function makeTree(): UnpackedTree {
  const [pack, manifest] = [someBlake3(), someBlake3()]
  const slices = [manifest, ...Array.from({ length: TREE_FILES }, someBlake3)]
  const placed = slices.map((blake3, offset): [Blake3, Place] => [blake3, { kind: 'packed', pack, offset, size: 1 }])
  placed.push([pack, { kind: 'file', size: slices.length }])
  const tree = { id: manifest, dirhash: someHex(), archiveId: 'new', fileCount: TREE_FILES, size: TREE_FILES }
  return { tree, record: 'ok', blobs: slices, placed }
}

function someBlake3(): Blake3 {
  return parseBlake3(someHex())
}

function someHex(): string {
  return randomBytes(32).toString('hex')
}
