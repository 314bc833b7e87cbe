import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Distribution } from '../../storage/model.ts'
import { Spool } from '../../storage/spool.ts'
import type { Store } from '../../storage/store.ts'
import type { StoredBlob } from '../../storage/stored-blobs.ts'
import { put } from '../fault/store-fixture.ts'
import { openStore, openWheelStore, readBlob, tamper } from '../support/wheel-store.ts'

const MIB = 1 << 20

interface Place {
  readonly folder: string
  /** Each is a server of its own, as far as memory goes. */
  readonly open: (memoryBytes?: number) => Promise<Store>
}

async function makePlace(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-stored-blobs-'))
  const opened: Store[] = []
  t.after(async () => {
    for (const store of opened) await store.close()
    await rm(folder, { recursive: true })
  })
  const open: Place['open'] = async (memoryBytes = 16 * MIB) => {
    const store = await openStore(folder, { memoryBytes })
    opened.push(store)
    return store
  }
  return { folder, open }
}

/** Without a look at the disk: that would come as a promise. */
function findInMemory(store: Store, { blake3 }: Distribution): Uint8Array | undefined {
  const found = store.findDistribution(blake3)
  return found instanceof Promise ? undefined : found?.bytes
}

async function pruneAll(store: Store): Promise<void> {
  await store.executePrune(await store.planPrune({ maxBytes: 0 }))
}

test('nobody holds bytes that memory gave up, nor any that it has no room for', async (t) => {
  const { store: ample, tree, folder } = await openWheelStore(t)
  const files = (await ample.findManifest(tree))?.files
  await ample.close()
  const store = await openStore(folder, { memoryBytes: 60_000 })
  const find = async (path: string): Promise<StoredBlob> => {
    const file = files?.get(path)
    const blob = file && (await store.findBlob(file.blake3))
    assert.ok(blob)
    return blob
  }
  try {
    const first = await find('spam/m11.py')
    const whole = await readBlob(first)
    assert.deepEqual([first.bytes?.length, await find('spam/m11.py')], [20_901, first])
    const second = await find('spam/m10.py')
    assert.deepEqual([first.bytes, second.bytes?.length], [undefined, 19_001])
    assert.equal((await find('spam/large.so')).bytes, undefined)
    await store.executePrune(await store.planPrune({}))
    assert.equal(second.bytes, undefined)
    assert.ok((await readBlob(first)).equals(whole))
  } finally {
    await store.close()
  }
})

test('a small file that was just stored is served without the disk; of a larger one the disk is asked', async (t) => {
  const { folder, open } = await makePlace(t)
  const store = await open()
  const small = randomBytes(MIB)
  const [kept, larger] = [await put(store, small), await put(store, randomBytes(MIB + 1))]
  for (const { blake3 } of [kept, larger]) await rm(createLayout(folder).blob(blake3))
  assert.deepEqual(findInMemory(store, kept), small)
  assert.equal(await store.findDistribution(larger.blake3), undefined)
})

test('what was just stored takes of memory only what is free', async (t) => {
  const store = await (await makePlace(t)).open(100_000)
  const copying = t.mock.method(Spool.prototype, 'copyWhole')
  const hot = await put(store, randomBytes(30_000))
  const [next, huge] = [await put(store, randomBytes(30_000)), await put(store, randomBytes(200_000))]
  assert.deepEqual(
    [hot, next, huge].map((distribution) => findInMemory(store, distribution)?.length),
    [30_000, undefined, undefined],
  )
  assert.equal(copying.mock.callCount(), 1, 'and nothing is copied for nothing')
  assert.equal((await store.findDistribution(next.blake3))?.bytes?.length, 30_000)
  assert.equal(findInMemory(store, next)?.length, 30_000, 'who asks for it has it kept')
})

/** What may take a file away in the very moment in which it was stored. */
const TAKINGS: Readonly<Record<string, (store: Store, file: Distribution, path: string) => Promise<unknown>>> = {
  'a prune': (store) => pruneAll(store),
  async forgetting(store, { sha256 }) {
    await store.executePrune(await store.planPrune({ only: { sha256 } }), { isPartial: true })
  },
  async 'a scrub that finds it damaged'(store, _file, path) {
    await tamper(path, 'flip')
    const { notHealed } = await store.scrub({ bytesPerSecond: undefined, signal: new AbortController().signal })
    assert.ok(notHealed > 0)
  },
}

for (const [name, take] of Object.entries(TAKINGS)) {
  test(`memory does not have what went before it was remembered: ${name}`, async (t) => {
    const { folder, open } = await makePlace(t)
    const store = await open()
    const { catalog } = store
    const adding = t.mock.method(
      catalog,
      'addDistribution',
      async (...args: Parameters<Catalog['addDistribution']>) => {
        adding.mock.restore()
        await catalog.addDistribution(...args)
        await take(store, args[0], createLayout(folder).blob(args[0].blake3))
      },
    )
    const gone = await put(store, randomBytes(1000))
    assert.equal(await store.findDistribution(gone.blake3), undefined)
    const again = await put(store, randomBytes(1000))
    assert.ok(findInMemory(store, again), 'and has the next one')
    await take(store, again, createLayout(folder).blob(again.blake3))
    assert.equal(await store.findDistribution(again.blake3), undefined, 'nor what goes afterwards')
  })
}

test('what was just stored and another process pruned is in memory until its use is written down', async (t) => {
  const { open } = await makePlace(t)
  const [one, other] = [await open(), await open()]
  const file = await put(one, randomBytes(1000))
  await pruneAll(other)
  assert.ok(findInMemory(one, file))
  await one.planPrune({})
  assert.equal(await one.findDistribution(file.blake3), undefined)
})
