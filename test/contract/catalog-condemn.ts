import assert from 'node:assert/strict'
import type { Catalog, RecordedFile } from '../../storage/catalog/catalog.ts'
import type { InCatalog } from './catalog.ts'
import { MANIFEST_SIZE, WHEEL, blake3Of, distributionOf, unpackedOf } from './catalog-samples.ts'

const NOTHING = { distribution: undefined, wheels: [], trees: [], siblings: [] }

/** Finding every file, and taking one out of service. */
export function testCondemning(inCatalog: InCatalog): void {
  testListing(inCatalog)
  testLosses(inCatalog)

  inCatalog('what no record gives a file of its own is not condemned', async (catalog) => {
    await addTree(catalog)
    const before = await catalog.stats()
    for (const name of ['unknown', 'small']) {
      const condemned = await catalog.condemn(blake3Of(name), () => assert.fail('it is not to be moved'))
      assert.deepEqual(condemned, NOTHING)
    }
    assert.deepEqual(await catalog.stats(), before)
  })

  inCatalog('where the file cannot be moved aside, nothing is changed', async (catalog) => {
    await addTree(catalog)
    const before = await catalog.stats()
    const error = new Error('the disk is on fire')
    await assert.rejects(
      catalog.condemn(blake3Of('pack of t'), () => Promise.reject(error)),
      error,
    )
    assert.deepEqual(await catalog.stats(), before)
    assert.notEqual(await catalog.findTree(blake3Of('manifest of t')), undefined)
  })
}

function testListing(inCatalog: InCatalog): void {
  inCatalog('files are listed once each, some at a time, slices not', async (catalog) => {
    await addTree(catalog)
    const found: RecordedFile[] = []
    for (let after = 0; ; after = found.at(-1)?.cursor ?? 0) {
      const files = await catalog.listFiles(after, 2)
      assert.ok(files.length <= 2)
      found.push(...files)
      if (files.length === 0) break
    }
    assert.deepEqual(
      found.map(({ blake3, size }) => [blake3, size]),
      [
        [blake3Of('w'), 100],
        [blake3Of('pack of t'), 10 + MANIFEST_SIZE],
        [blake3Of('large'), 1000],
      ],
    )
  })
}

function testLosses(inCatalog: InCatalog): void {
  inCatalog(
    'with a pack go its slices and the trees that need one, and their wheels are unpackable',
    async (catalog) => {
      await addTree(catalog)
      await catalog.addDistribution(distributionOf('v', { storedAt: 2000 }), WHEEL)
      await catalog.addTree(blake3Of('v'), unpackedOf('v', { slices: { other: 20 }, stored: ['small'] }))
      await catalog.addDistribution(distributionOf('x', { storedAt: 3000 }), WHEEL)
      await catalog.addTree(blake3Of('x'), unpackedOf('x', { stored: ['other'] }))
      let moved = 0
      const condemned = await catalog.condemn(blake3Of('pack of t'), async () => void (moved += 1))
      assert.equal(moved, 1)
      assert.deepEqual(condemned, {
        distribution: undefined,
        wheels: ['w', 'v'].map(blake3Of),
        trees: ['manifest of t', 'manifest of v'].map(blake3Of),
        siblings: condemned.siblings,
      })
      assert.ok(condemned.siblings.includes(blake3Of('pack of v')))
      assert.ok(!condemned.siblings.includes(blake3Of('pack of t')))
      for (const gone of ['pack of t', 'small', 'manifest of t']) {
        assert.equal(await catalog.findPlace(blake3Of(gone)), undefined)
      }
      assert.deepEqual(await catalog.listUnpackable(1), ['w', 'v'].map(blake3Of))
      assert.notEqual(await catalog.findTree(blake3Of('manifest of x')), undefined)
      const { trees, packs, wheels } = await catalog.stats()
      assert.deepEqual(
        { trees, packs, wheels },
        { trees: 1, packs: 2, wheels: { unpacked: 1, refused: 0, pending: 2 } },
      )
    },
  )

  inCatalog('after unpacking again all is as before', async (catalog) => {
    await addTree(catalog)
    const before = await catalog.stats()
    await catalog.condemn(blake3Of('pack of t'), async () => {})
    await addTree(catalog)
    assert.deepEqual(await catalog.stats(), before)
    assert.equal((await catalog.planPrune({}, 0)).blobs, 0)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 1e6)
    assert.equal(plan.freedBytes, before.storedBytes)
  })

  inCatalog('what a lost tree alone needed goes with the next prune', async (catalog) => {
    await addTree(catalog)
    await catalog.condemn(blake3Of('pack of t'), async () => {})
    const plan = await catalog.planPrune({}, 1e6)
    assert.deepEqual([plan.distributions.length, plan.blobs, plan.freedBytes], [0, 1, 1000])
  })

  inCatalog('a distribution keeps its record, and its tree', async (catalog) => {
    await addTree(catalog)
    const before = await catalog.stats()
    const found = await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('w') })
    const condemned = await catalog.condemn(blake3Of('w'), async () => {})
    assert.deepEqual(condemned, { ...NOTHING, distribution: found })
    assert.deepEqual(await catalog.stats(), before)
    assert.deepEqual(await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('w') }), found)
  })

  inCatalog('a distribution that is also a file of a tree is lost to the tree', async (catalog) => {
    await catalog.addDistribution(distributionOf('inner'), WHEEL)
    await catalog.addDistribution(distributionOf('outer'), WHEEL)
    await catalog.addTree(blake3Of('outer'), unpackedOf('t', { stored: ['inner'] }))
    const { distribution, wheels } = await catalog.condemn(blake3Of('inner'), async () => {})
    assert.deepEqual([distribution?.blake3, wheels], [blake3Of('inner'), [blake3Of('outer')]])
    assert.deepEqual(await catalog.findPlace(blake3Of('inner')), { kind: 'file', size: 100 })
    const plan = await catalog.planPrune({ maxBytes: 0 }, 1e6)
    assert.equal((await catalog.executePrune(plan, async () => {})).distributions, 2)
    assert.equal((await catalog.stats()).storedBytes, 0)
  })
}

/** The wheel `w` of 100 bytes, with a tree `t` of a slice `small` and a file `large`. */
async function addTree(catalog: Catalog): Promise<void> {
  await catalog.addDistribution(distributionOf('w'), WHEEL)
  await catalog.addTree(blake3Of('w'), unpackedOf('t', { slices: { small: 10 }, files: { large: 1000 } }))
}
