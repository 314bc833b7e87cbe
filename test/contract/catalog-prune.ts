import assert from 'node:assert/strict'
import type { Catalog, PrunePlan } from '../../storage/catalog/catalog.ts'
import type { Blake3 } from '../../storage/digest.ts'
import type { InCatalog } from './catalog.ts'
import { MANIFEST_SIZE, WHEEL, blake3Of, distributionOf, storedPageOf, unpackedOf } from './catalog-samples.ts'

export function testPrune(inCatalog: InCatalog): void {
  testPlanning(inCatalog)
  testExecuting(inCatalog)
  testRacing(inCatalog)
  testOrphans(inCatalog)
}

/** With an array, as it is compared. */
function listed(plan: PrunePlan): PrunePlan {
  return { ...plan, distributions: [...plan.distributions] }
}

const NOTHING = { distributions: 0, trees: 0, blobs: 0, packs: 0, freedBytes: 0 }

function testPlanning(inCatalog: InCatalog): void {
  inCatalog('without a budget nothing goes that is referred to', async (catalog) => {
    await addShared(catalog)
    const { storedBytes } = await catalog.stats()
    assert.deepEqual(listed(await catalog.planPrune({}, 1e9)), {
      ...NOTHING,
      distributions: [],
      pinned: 0,
      storedBytes,
    })
  })

  inCatalog('the use of a tree is that of the wheels that have it', async (catalog) => {
    await addShared(catalog)
    const [old] = await catalog.planPrune({ unusedForMs: 0 }, 10_000).then(({ distributions }) => distributions)
    const tree = old && (await catalog.findDistribution({ algorithm: 'blake3', hex: old.blake3 }))?.unpacking
    assert.ok(tree?.kind === 'unpacked')
    await catalog.recordUse(new Map([[tree.tree, 9000]]))
    const left = await catalog.planPrune({ unusedForMs: 5000 }, 10_000)
    assert.deepEqual(
      Array.from(left.distributions, ({ blake3 }) => blake3),
      [blake3Of('new')],
    )
    await catalog.recordUse(new Map([[blake3Of('of nothing'), 9500]]))
    assert.deepEqual(listed(await catalog.planPrune({ unusedForMs: 5000 }, 10_000)), listed(left))
  })

  inCatalog('what was not used for too long goes, and frees what only it needs', async (catalog) => {
    await addShared(catalog)
    await catalog.recordUse(new Map([[blake3Of('new'), 9000]]))
    const before = await catalog.stats()
    const plan = await catalog.planPrune({ unusedForMs: 5000 }, 10_000)
    assert.deepEqual(listed(plan), {
      distributions: [
        {
          blake3: blake3Of('old'),
          sha256: distributionOf('old').sha256,
          size: 100,
          sightings: [WHEEL],
          usedAt: 1000,
          reason: 'unused',
          // Its pack stays, for the slice that both need.
          freedBytes: 100 + 500,
        },
      ],
      pinned: 0,
      trees: 1,
      blobs: 4,
      packs: 0,
      storedBytes: before.storedBytes,
      freedBytes: 600,
    } satisfies PrunePlan)
    assert.deepEqual(await catalog.stats(), before, 'planning changes nothing')
  })

  inCatalog('exactly the allowed age is not too long', async (catalog) => {
    await catalog.addDistribution(distributionOf('w', { storedAt: 1000 }), WHEEL)
    assert.equal((await catalog.planPrune({ unusedForMs: 500 }, 1500)).distributions.length, 0)
    assert.equal((await catalog.planPrune({ unusedForMs: 500 }, 1501)).distributions.length, 1)
  })

  inCatalog('for room the least recently used go, and no more of them than needed', async (catalog) => {
    for (const name of ['a', 'b', 'c', 'd']) await catalog.addDistribution(distributionOf(name), WHEEL)
    await catalog.recordUse(
      new Map([['a', 4000] as const, ['c', 3000] as const].map(([name, at]) => [blake3Of(name), at])),
    )
    const plan = await catalog.planPrune({ maxBytes: 250 }, 10_000)
    assert.deepEqual(
      Array.from(plan.distributions, ({ blake3, reason }) => [blake3, reason]),
      [
        [blake3Of('b'), 'size'],
        [blake3Of('d'), 'size'],
      ],
    )
    assert.equal(plan.freedBytes, 200)
    assert.equal((await catalog.planPrune({ maxBytes: 400 }, 10_000)).distributions.length, 0)
    assert.equal((await catalog.planPrune({ maxBytes: 0 }, 10_000)).distributions.length, 4)
  })

  inCatalog('the time of use never goes backwards', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.recordUse(new Map([[blake3Of('w'), 5000]]))
    await catalog.recordUse(
      new Map([
        [blake3Of('w'), 2000],
        [blake3Of('not stored'), 2000],
      ]),
    )
    assert.equal((await catalog.planPrune({ maxBytes: 0 }, 9000)).distributions.at(0)?.usedAt, 5000)
  })
}

function testExecuting(inCatalog: InCatalog): void {
  inCatalog('an execution does what the plan says, and a second one nothing', async (catalog) => {
    await addShared(catalog)
    const plan = await catalog.planPrune({ maxBytes: 700 }, 10_000)
    const gone: Blake3[] = []
    const outcome = await catalog.executePrune(plan, async (blobs) => void gone.push(...blobs))
    const { trees, blobs, packs, freedBytes } = plan
    assert.deepEqual(outcome, { distributions: 1, trees, blobs, packs, freedBytes })
    assert.deepEqual(gone.toSorted(), ['old', 'only old'].map(blake3Of).toSorted())
    assert.equal(await catalog.findPlace(blake3Of('old slice')), undefined)
    const { slackBytes, storedBytes } = await catalog.stats()
    assert.equal(slackBytes, 20 + MANIFEST_SIZE, 'what only the old tree had in the pack')
    assert.equal(storedBytes, plan.storedBytes - plan.freedBytes)
    const again = await catalog.planPrune({ maxBytes: storedBytes }, 10_000)
    assert.deepEqual(listed(again), { ...NOTHING, distributions: [], pinned: 0, storedBytes })
    assert.deepEqual(await catalog.executePrune(again, () => assert.fail('there is nothing to release')), NOTHING)
  })

  inCatalog('a pack goes with the last blob in it', async (catalog) => {
    await addShared(catalog)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    assert.deepEqual([plan.trees, plan.packs, plan.freedBytes], [2, 2, plan.storedBytes])
    await catalog.executePrune(plan, async () => {})
    const stats = await catalog.stats()
    const { pages, wheels, ...numbers } = stats
    assert.deepEqual(
      [...Object.values(numbers), ...Object.values(wheels), pages].filter((value) => value !== 0),
      [],
    )
  })

  inCatalog('a tree that its wheel has no more goes without a budget', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { a: 10 }, files: { big: 1000 } }))
    await catalog.addTree(blake3Of('w'), unpackedOf('u', { stored: ['a'] }))
    const plan = await catalog.planPrune({}, 10_000)
    assert.deepEqual(listed(plan), {
      distributions: [],
      pinned: 0,
      trees: 1,
      blobs: 2,
      packs: 0,
      storedBytes: 100 + 1010 + 2 * MANIFEST_SIZE,
      freedBytes: 1000,
    } satisfies PrunePlan)
    assert.equal((await catalog.executePrune(plan, async () => {})).freedBytes, 1000)
    assert.equal(await catalog.findTree(blake3Of('manifest of t')), undefined)
    assert.notEqual(await catalog.findPlace(blake3Of('a')), undefined)
  })

  inCatalog('a wheel that is also a file of a tree stays as long as the tree does', async (catalog) => {
    await catalog.addDistribution(distributionOf('inner'), WHEEL)
    await catalog.addDistribution(distributionOf('outer', { storedAt: 2000 }), WHEEL)
    await catalog.addTree(blake3Of('outer'), unpackedOf('t', { stored: ['inner'] }))
    const plan = await catalog.planPrune({ unusedForMs: 8500 }, 10_000)
    assert.deepEqual(
      Array.from(plan.distributions, ({ freedBytes }) => freedBytes),
      [0],
    )
    await catalog.executePrune(plan, () => assert.fail('there is nothing to release'))
    assert.equal(await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('inner') }), undefined)
    assert.deepEqual(await catalog.findPlace(blake3Of('inner')), { kind: 'file', size: 100 })
  })
}

function testRacing(inCatalog: InCatalog): void {
  inCatalog('what was used, or added again, after the plan stays', async (catalog) => {
    for (const name of ['used', 'added', 'gone']) await catalog.addDistribution(distributionOf(name), WHEEL)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    await catalog.recordUse(new Map([[blake3Of('used'), 1001]]))
    await catalog.addDistribution(distributionOf('added'), WHEEL) // within the same millisecond
    const gone: Blake3[] = []
    const outcome = await catalog.executePrune(plan, async (blobs) => void gone.push(...blobs))
    assert.deepEqual(outcome, { ...NOTHING, distributions: 1, blobs: 1, freedBytes: 100 })
    assert.deepEqual(gone, [blake3Of('gone')])
  })

  inCatalog('a file that was added again before it was deleted is not deleted', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    const execution = catalog.executePrune(plan, () => assert.fail('it is in use'))
    // Takes its turn right after the records were deleted.
    await catalog.addDistribution(distributionOf('w', { storedAt: 11_000 }), WHEEL)
    assert.equal((await execution).freedBytes, 0)
    assert.deepEqual(await catalog.findPlace(blake3Of('w')), { kind: 'file', size: 100 })
  })

  inCatalog('nobody else commits while files are deleted', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    const events: string[] = []
    let other: Promise<unknown> = Promise.resolve()
    await catalog.executePrune(plan, async () => {
      other = catalog.addDistribution(distributionOf('v'), WHEEL, { adopt: async () => void events.push('adopted') })
      await new Promise(setImmediate)
      events.push('released')
    })
    await other
    assert.deepEqual(events, ['released', 'adopted'])
  })

  inCatalog('a failure to delete files is told, and leaves the catalog usable', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    const error = new Error('the disk is on fire')
    await assert.rejects(
      catalog.executePrune(plan, () => Promise.reject(error)),
      error,
    )
    assert.equal((await catalog.stats()).storedBytes, 0)
    await catalog.savePage(storedPageOf('spam'))
    const orphans: Blake3[] = []
    await catalog.releaseOrphans([blake3Of('w')], async (blobs) => void orphans.push(...blobs))
    assert.deepEqual(orphans, [blake3Of('w')])
  })
}

function testOrphans(inCatalog: InCatalog): void {
  inCatalog('orphans are files that no record names as files', async (catalog) => {
    await addShared(catalog)
    const files = ['old', 'pack of old', 'only old', 'shared']
    const orphans = ['left over', 'old slice', ...Array.from({ length: 600 }, (_, number) => `left over ${number}`)]
    const released: Blake3[] = []
    const returned = await catalog.releaseOrphans([...files, ...orphans].map(blake3Of), async (blobs) => {
      released.push(...blobs)
    })
    assert.deepEqual(released, orphans.map(blake3Of))
    assert.deepEqual(returned, released)
    assert.deepEqual(await catalog.releaseOrphans(files.map(blake3Of), () => assert.fail('none is left over')), [])
  })
}

/** Two wheels of 100 bytes, `old` and `new`, whose trees have a file and a slice of the old one's pack in common. */
async function addShared(catalog: Catalog): Promise<void> {
  await catalog.addDistribution(distributionOf('old', { storedAt: 1000 }), WHEEL)
  await catalog.addDistribution(distributionOf('new', { storedAt: 2000 }), WHEEL)
  const old = unpackedOf('old', {
    files: { 'only old': 500, shared: 400 },
    slices: { 'old slice': 20, 'shared slice': 30 },
  })
  await catalog.addTree(blake3Of('old'), old)
  await catalog.addTree(
    blake3Of('new'),
    unpackedOf('new', { slices: { 'new slice': 40 }, stored: ['shared', 'shared slice'] }),
  )
}
