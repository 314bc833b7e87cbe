import assert from 'node:assert/strict'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import type { DistributionRecord } from '../../storage/model.ts'
import type { InCatalog } from './catalog.ts'
import { MANIFEST_SIZE, REFUSAL, WHEEL, blake3Of, distributionOf, unpackedOf } from './catalog-samples.ts'

export function testTrees(inCatalog: InCatalog): void {
  testFinding(inCatalog)
  testPlaces(inCatalog)
  testOutcomes(inCatalog)
  testChangedStore(inCatalog)
  testUnsynced(inCatalog)
}

function testFinding(inCatalog: InCatalog): void {
  inCatalog('a tree is found by its id, its dirhash, its archive id, and from its wheels', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    const one = unpackedOf('one', { slices: { a: 10 }, dirhash: 'same' })
    const two = unpackedOf('two', { stored: ['a'], dirhash: 'same' })
    await catalog.addTree(blake3Of('w'), one)
    await catalog.addTree(blake3Of('v'), two)
    assert.deepEqual(await catalog.findTree(one.tree.id), one.tree)
    assert.equal(await catalog.findTree(blake3Of('a')), undefined)
    assert.deepEqual(await catalog.findTreesByDirhash(one.tree.dirhash), [one.tree, two.tree])
    assert.deepEqual(await catalog.findTreesByDirhash(blake3Of('other')), [])
    assert.deepEqual(await catalog.findTreesByArchiveId('archive-of-same'), [one.tree, two.tree])
    assert.deepEqual(await catalog.findTreesByArchiveId('other'), [])
    assert.deepEqual((await catalog.findWheelsOfTree(one.tree.id)).map(blake3), [blake3Of('w')])
    assert.deepEqual(await catalog.findWheelsOfTree(blake3Of('a')), [])
  })

  inCatalog('two wheels that unpack alike share one tree', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    const unpacked = unpackedOf('t', { slices: { a: 10 }, files: { big: 1000 } })
    await catalog.addTree(blake3Of('w'), unpacked)
    const before = await catalog.stats()
    await catalog.addTree(blake3Of('v'), { ...unpacked, record: 'absent', placed: [] })
    const wheels = await catalog.findWheelsOfTree(unpacked.tree.id)
    assert.deepEqual(wheels.map(blake3), [blake3Of('w'), blake3Of('v')])
    assert.deepEqual(wheels[1]?.unpacking, { kind: 'unpacked', tree: unpacked.tree.id, record: 'absent' })
    assert.deepEqual(await catalog.stats(), { ...before, wheels: { unpacked: 2, refused: 0, pending: 0 } })
  })

  inCatalog('adding a tree again changes nothing', async (catalog) => {
    await addWheels(catalog, 'w')
    const unpacked = unpackedOf('t', { slices: { a: 10, b: 20 }, files: { big: 1000 } })
    await catalog.addTree(blake3Of('w'), unpacked)
    const before = await catalog.stats()
    await catalog.addTree(blake3Of('w'), unpacked)
    assert.deepEqual(await catalog.stats(), before)
    assert.deepEqual(before, {
      pages: 0,
      distributions: 1,
      wheels: { unpacked: 1, refused: 0, pending: 0 },
      trees: 1,
      blobs: 5,
      packs: 1,
      files: 3,
      logicalBytes: 100 + 1030 + MANIFEST_SIZE,
      uniqueBytes: 100 + 1030 + MANIFEST_SIZE,
      storedBytes: 100 + 1030 + MANIFEST_SIZE,
      slackBytes: 0,
    })
  })
}

function testUnsynced(inCatalog: InCatalog): void {
  inCatalog('the files of a tree count as unsynced until they are said to be synced', async (catalog) => {
    await addWheels(catalog, 'w')
    const unsynced = await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { a: 10 }, files: { big: 1000 } }))
    assert.ok(unsynced.some((file) => file.blake3 === blake3Of('big')))
    assert.ok(!unsynced.some((file) => file.blake3 === blake3Of('a')), 'a slice is no file')
    assert.deepEqual(await catalog.listUnsynced(), unsynced)
    await catalog.noteSynced(unsynced.slice(1))
    assert.deepEqual(await catalog.listUnsynced(), unsynced.slice(0, 1))
    await catalog.noteSynced(unsynced)
    assert.deepEqual(await catalog.listUnsynced(), [])
  })

  inCatalog('a file that was written again is unsynced, whoever has synced what was there before', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    const unpacked = unpackedOf('t', { files: { big: 1000 } })
    const first = await catalog.addTree(blake3Of('w'), unpacked)
    const second = await catalog.addTree(blake3Of('v'), unpacked)
    await catalog.noteSynced(first)
    assert.deepEqual(await catalog.listUnsynced(), second)
  })

  inCatalog('a file that is out of service, or pruned, is not unsynced any more', async (catalog) => {
    await addWheels(catalog, 'w')
    const unsynced = await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { a: 10 }, files: { big: 1000 } }))
    await catalog.condemn(blake3Of('big'), () => Promise.resolve())
    assert.deepEqual(
      await catalog.listUnsynced(),
      unsynced.filter((file) => file.blake3 !== blake3Of('big')),
    )
    const plan = await catalog.planPrune({ unusedForMs: -1 }, 10)
    await catalog.executePrune(plan, () => Promise.resolve())
    assert.deepEqual(await catalog.listUnsynced(), [])
    await catalog.noteSynced(unsynced)
  })
}

function testPlaces(inCatalog: InCatalog): void {
  inCatalog('each blob has its place; one that is stored already stays where it is', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { a: 10, b: 20 }, files: { big: 1000 } }))
    await catalog.addTree(blake3Of('v'), unpackedOf('u', { slices: { c: 5, b: 20 } }))
    const pack = blake3Of('pack of t')
    assert.deepEqual(await catalog.findPlace(blake3Of('a')), { kind: 'packed', pack, offset: 0, size: 10 })
    assert.deepEqual(await catalog.findPlace(blake3Of('b')), { kind: 'packed', pack, offset: 10, size: 20 })
    assert.deepEqual(await catalog.findPlace(blake3Of('big')), { kind: 'file', size: 1000 })
    const places = await catalog.findPlaces(['a', 'big', 'nothing'].map(blake3Of))
    assert.deepEqual(
      places,
      new Map([
        [blake3Of('a'), { kind: 'packed', pack, offset: 0, size: 10 }],
        [blake3Of('big'), { kind: 'file', size: 1000 }],
      ]),
    )
    assert.deepEqual(await catalog.findPlace(pack), { kind: 'file', size: 30 + MANIFEST_SIZE })
    assert.equal(await catalog.findPlace(blake3Of('nothing')), undefined)
    const asked = ['a', 'nothing', 'big', 'w', 'pack of t', 'a'].map(blake3Of)
    assert.deepEqual(await catalog.findStored(asked), new Set(['a', 'big', 'w', 'pack of t'].map(blake3Of)))
    assert.deepEqual(await catalog.findStored([]), new Set())
    assert.equal((await catalog.stats()).slackBytes, 20, 'the second copy of b')
  })

  inCatalog('a blob that gets a file of its own is a slice no more', async (catalog) => {
    await addWheels(catalog, 'w')
    await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { v: 100, a: 10 } }))
    await addWheels(catalog, 'v')
    assert.deepEqual(await catalog.findPlace(blake3Of('v')), { kind: 'file', size: 100 })
    const { blobs, storedBytes, slackBytes } = await catalog.stats()
    assert.deepEqual(
      { blobs, storedBytes, slackBytes },
      { blobs: 4, storedBytes: 310 + MANIFEST_SIZE, slackBytes: 100 },
    )
  })

  inCatalog('a pack of a single file is that file', async (catalog) => {
    await addWheels(catalog, 'w')
    const unpacked = unpackedOf('t', {})
    const [manifest] = unpacked.blobs
    assert.ok(manifest !== undefined)
    await catalog.addTree(blake3Of('w'), {
      ...unpacked,
      placed: [
        [manifest, { kind: 'packed', pack: manifest, offset: 0, size: MANIFEST_SIZE }],
        [manifest, { kind: 'file', size: MANIFEST_SIZE }],
      ],
    })
    assert.deepEqual(await catalog.findPlace(manifest), { kind: 'file', size: MANIFEST_SIZE })
    const { blobs, packs } = await catalog.stats()
    assert.deepEqual({ blobs, packs }, { blobs: 2, packs: 0 })
  })
}

function testOutcomes(inCatalog: InCatalog): void {
  inCatalog('a refusal is kept with its reason, and asked again under a newer policy', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    await catalog.addRefusal(blake3Of('w'), REFUSAL)
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, REFUSAL)
    assert.deepEqual(await catalog.listUnpackable(1), [blake3Of('v')])
    assert.deepEqual(await catalog.listUnpackable(2), ['w', 'v'].map(blake3Of))
    assert.deepEqual((await catalog.stats()).wheels, { unpacked: 0, refused: 1, pending: 1 })
    const archive = { ...REFUSAL, reason: 'not-a-zip', path: undefined, policy: 2 } as const
    await catalog.addRefusal(blake3Of('w'), archive)
    await catalog.addRefusal(blake3Of('w'), REFUSAL)
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, archive, 'the older policy does not overrule')
  })

  inCatalog('a refusal by a limit keeps the limits, and is asked again under others', async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    const byLimit = { ...REFUSAL, reason: 'limit', limits: 'a=1' } as const
    await catalog.addRefusal(blake3Of('w'), byLimit)
    await catalog.addRefusal(blake3Of('v'), REFUSAL)
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, byLimit)
    assert.deepEqual(await catalog.listUnpackable(1, 'a=1'), [])
    assert.deepEqual(await catalog.listUnpackable(1, 'a=2'), [blake3Of('w')])
    await catalog.addRefusal(blake3Of('w'), REFUSAL)
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, REFUSAL)
  })

  inCatalog("RECORD's verdict may follow the tree, once", async (catalog) => {
    await addWheels(catalog, 'w', 'v')
    const unpacked = unpackedOf('t', { slices: { a: 10 } })
    await catalog.addTree(blake3Of('w'), { ...unpacked, record: 'pending' })
    await catalog.addTree(blake3Of('v'), { ...unpacked, placed: [] })
    assert.deepEqual(await catalog.listUnchecked(), [blake3Of('w')])
    const outcome = { kind: 'unpacked', tree: unpacked.tree.id } as const
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, { ...outcome, record: 'pending' })
    for (const verdict of ['names', 'ok'] as const) await catalog.addRecordVerdict(blake3Of('w'), verdict)
    await catalog.addRecordVerdict(blake3Of('v'), 'absent')
    await catalog.addRecordVerdict(blake3Of('nowhere'), 'ok')
    assert.deepEqual(await catalog.listUnchecked(), [])
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, { ...outcome, record: 'names' })
    assert.deepEqual((await find(catalog, 'v'))?.unpacking, { ...outcome, record: 'ok' })
  })

  inCatalog('a tree replaces a refusal, and no refusal replaces a tree', async (catalog) => {
    await addWheels(catalog, 'w')
    const unpacked = unpackedOf('t', { slices: { a: 10 } })
    await catalog.addRefusal(blake3Of('w'), REFUSAL)
    await catalog.addTree(blake3Of('w'), unpacked)
    await catalog.addRefusal(blake3Of('w'), { ...REFUSAL, policy: 9 })
    const outcome = { kind: 'unpacked', tree: unpacked.tree.id, record: 'ok' }
    assert.deepEqual((await find(catalog, 'w'))?.unpacking, outcome)
    assert.deepEqual((await catalog.stats()).wheels, { unpacked: 1, refused: 0, pending: 0 })
    assert.deepEqual(await catalog.listUnpackable(99), [])
  })
}

function testChangedStore(inCatalog: InCatalog): void {
  const changed = { code: 'ERR_STORE_CHANGED' }

  inCatalog('a tree that relies on a blob that is gone is refused, and nothing of it stays', async (catalog) => {
    await addWheels(catalog, 'w')
    const before = await catalog.stats()
    const unpacked = unpackedOf('t', { slices: { a: 10 }, files: { big: 1000 }, stored: ['gone'] })
    await assert.rejects(catalog.addTree(blake3Of('w'), unpacked), changed)
    const packless = unpackedOf('t', { slices: { a: 10 } })
    const placed = packless.placed.filter(([, place]) => place.kind === 'packed')
    await assert.rejects(catalog.addTree(blake3Of('w'), { ...packless, placed }), changed)
    assert.deepEqual(await catalog.stats(), before)
    assert.equal(await catalog.findPlace(blake3Of('a')), undefined)
    assert.equal((await find(catalog, 'w'))?.unpacking, undefined)
  })

  inCatalog('the outcome of a wheel that is gone is refused, and its files are not adopted', async (catalog) => {
    let adopted = 0
    const adopt = async (): Promise<void> => void (adopted += 1)
    await assert.rejects(catalog.addTree(blake3Of('w'), unpackedOf('t', {}), { adopt }), changed)
    await assert.rejects(catalog.addRefusal(blake3Of('w'), REFUSAL), changed)
    assert.equal(adopted, 0)
    assert.equal((await catalog.stats()).storedBytes, 0)
  })
}

async function addWheels(catalog: Catalog, ...names: string[]): Promise<void> {
  for (const name of names) await catalog.addDistribution(distributionOf(name), WHEEL)
}

function find(catalog: Catalog, name: string): Promise<DistributionRecord | undefined> {
  return catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of(name) })
}

function blake3(record: DistributionRecord): string {
  return record.blake3
}
