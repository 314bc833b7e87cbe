import assert from 'node:assert/strict'
import type { Catalog, PruneBudget, PruneShortfall } from '../../storage/catalog/catalog.ts'
import type { Blake3 } from '../../storage/digest.ts'
import { parseIndexName, parseProjectName } from '../../storage/names.ts'
import { parsePin } from '../../storage/pin.ts'
import type { InCatalog } from './catalog.ts'
import { WHEEL, blake3Of, distributionOf, sha256Of, sightingOf, unpackedOf } from './catalog-samples.ts'

const NOW = 10_000

/** What a prune may be told to keep, or to take. */
export function testBudgets(inCatalog: InCatalog): void {
  testLimits(inCatalog)
  testSelections(inCatalog)
  testPins(inCatalog)
}

function testLimits(inCatalog: InCatalog): void {
  inCatalog('files can be limited by number, packs counted and slices not', async (catalog) => {
    for (const name of ['a', 'b', 'c']) await catalog.addDistribution(distributionOf(name), WHEEL)
    await catalog.addTree(blake3Of('a'), unpackedOf('a', { slices: { x: 1, y: 2, z: 3 }, files: { big: 1000 } }))
    assert.deepEqual(await plan(catalog, { maxFiles: 5 }), [])
    assert.deepEqual(await plan(catalog, { maxFiles: 4 }), ['a files'])
    assert.deepEqual(await plan(catalog, { maxFiles: 1 }), ['a files', 'b files'])
  })

  inCatalog('the disk can be kept free, given what is free now', async (catalog) => {
    for (const name of ['a', 'b', 'c']) await catalog.addDistribution(distributionOf(name), WHEEL)
    const budget = { keepFreeBytes: 1000 }
    assert.deepEqual(await plan(catalog, budget, { freeBytes: 1000 }), [])
    assert.deepEqual(await plan(catalog, budget, { freeBytes: 999 }), ['a free-space'])
    assert.deepEqual(await plan(catalog, budget, { freeBytes: 800 }), ['a free-space', 'b free-space'])
    assert.deepEqual(await plan(catalog, budget), [], 'it is not said what is free')
  })

  inCatalog('a plan says by how much it stays short of each limit, and why', async (catalog) => {
    for (const name of ['a', 'b', 'c']) await catalog.addDistribution(distributionOf(name), WHEEL)
    const shortfallOf = async (budget: PruneBudget): Promise<PruneShortfall | undefined> =>
      (await catalog.planPrune(budget, NOW, { freeBytes: 50 })).shortfall
    assert.equal('shortfall' in (await catalog.planPrune({ maxBytes: 0, maxFiles: 0 }, NOW)), false)
    assert.equal(await shortfallOf({ keepFreeBytes: 350 }), undefined)
    assert.deepEqual(await shortfallOf({ keepFreeBytes: 1000 }), { freeBytes: 650, reason: 'nothing-left' })
    const only = { sha256: sha256Of('a') }
    assert.deepEqual(await shortfallOf({ only, maxBytes: 120 }), { storedBytes: 80, reason: 'not-selected' })
    assert.equal(await shortfallOf({ only, unusedForMs: 0 }), undefined)
    await catalog.addPin(parsePin(`sha256:${sha256Of('b')}`), 0)
    assert.equal(await shortfallOf({ maxBytes: 100 }), undefined)
    const expected = { storedBytes: 90, files: 1, freeBytes: 450, reason: 'pinned' }
    assert.deepEqual(await shortfallOf({ maxBytes: 10, maxFiles: 0, keepFreeBytes: 700 }), expected)
  })

  inCatalog('with several limits each distribution says for which it goes', async (catalog) => {
    for (const [name, storedAt] of [
      ['a', 1000],
      ['b', 2000],
      ['c', 3000],
      ['d', 4000],
    ] as const) {
      await catalog.addDistribution(distributionOf(name, { storedAt }), WHEEL)
    }
    const budget = { unusedForMs: 8500, maxBytes: 250, maxFiles: 1 }
    assert.deepEqual(await plan(catalog, budget), ['a unused', 'b size', 'c files'])
  })
}

function testSelections(inCatalog: InCatalog): void {
  inCatalog('a selection goes whole, in the order of use', async (catalog) => {
    await addToIndexes(catalog)
    await catalog.recordUse(new Map([[blake3Of('a'), 5000]]))
    assert.deepEqual(await plan(catalog, { only: { project: parseProjectName('spam') } }), [
      'b selected',
      'both selected',
      'a selected',
    ])
    assert.deepEqual(await plan(catalog, { only: { sha256: sha256Of('b') } }), ['b selected'])
    assert.deepEqual(await plan(catalog, { only: { sha256: sha256Of('not stored') } }), [])
  })

  inCatalog('what was seen elsewhere as well is not of an index', async (catalog) => {
    await addToIndexes(catalog)
    assert.deepEqual(await plan(catalog, { only: { index: parseIndexName('internal') } }), ['b selected'])
    const only = { index: parseIndexName('pypi'), project: parseProjectName('spam') }
    assert.deepEqual(await plan(catalog, { only }), ['a selected'])
  })

  inCatalog('of a selection no more goes than limits ask for, and nothing else', async (catalog) => {
    await addToIndexes(catalog)
    const only = { project: parseProjectName('spam') }
    assert.deepEqual(await plan(catalog, { only, maxBytes: 250 }), ['a size', 'b size'])
    assert.deepEqual(await plan(catalog, { only, maxBytes: 0 }), ['a size', 'b size', 'both size'])
    assert.deepEqual(await plan(catalog, { only, maxBytes: 400 }), [])
  })

  inCatalog('an execution takes what was selected, and no more', async (catalog) => {
    await addToIndexes(catalog)
    const selected = await catalog.planPrune({ only: { project: parseProjectName('spam') } }, NOW)
    const gone: Blake3[] = []
    await catalog.executePrune(selected, async (blobs) => void gone.push(...blobs))
    assert.deepEqual(gone.toSorted(), ['a', 'b', 'both'].map(blake3Of).toSorted())
    assert.equal((await catalog.stats()).distributions, 1)
  })
}

function testPins(inCatalog: InCatalog): void {
  inCatalog('pins are listed, kept once in any spelling of a version, and removed', async (catalog) => {
    const pins = ['spam', 'eggs==1.0', `sha256:${sha256Of('w')}`].map((text) => parsePin(text))
    for (const [at, pin] of pins.entries()) await catalog.addPin(pin, at)
    await catalog.addPin(parsePin('Eggs==1.0.0'), 99)
    const [spam, eggs, digest] = pins
    assert.deepEqual(await catalog.listPins(), [
      { pin: eggs, at: 1 },
      { pin: digest, at: 2 },
      { pin: spam, at: 0 },
    ])
    assert.equal(await catalog.removePin(parsePin('eggs==1')), true)
    assert.equal(await catalog.removePin(parsePin('eggs==1')), false)
    assert.equal((await catalog.listPins()).length, 2)
  })

  inCatalog('what is pinned stays, is counted, and others go in its place', async (catalog) => {
    await catalog.addDistribution(distributionOf('one'), sightingOf('spam-1.0-py3-none-any.whl'))
    await catalog.addDistribution(distributionOf('two'), sightingOf('spam-2.0.0.tar.gz'))
    await catalog.addDistribution(distributionOf('three'), sightingOf('spam-3.0.tar.gz'))
    for (const [pin, going] of [
      ['spam', []],
      ['eggs', ['one', 'two', 'three']],
      ['spam==2.0', ['one', 'three']],
      [`sha256:${sha256Of('one')}`, ['two', 'three']],
    ] as const) {
      await catalog.addPin(parsePin(pin), 0)
      const { distributions, pinned } = await catalog.planPrune({ maxBytes: 0 }, NOW)
      assert.deepEqual(
        [Array.from(distributions, ({ blake3 }) => blake3), pinned],
        [going.map(blake3Of), 3 - going.length],
      )
      await catalog.removePin(parsePin(pin))
    }
    await catalog.addPin(parsePin('spam==1'), 0)
    assert.deepEqual(await plan(catalog, { maxBytes: 200 }), ['two size'])
  })

  inCatalog('a pin that is set between a plan and its execution still holds', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    const planned = await catalog.planPrune({ maxBytes: 0 }, NOW)
    await catalog.addPin(parsePin('spam'), NOW)
    const outcome = await catalog.executePrune(planned, () => assert.fail('there is nothing to release'))
    assert.equal(outcome.distributions, 0)
  })
}

/** `a` on pypi, `b` on internal, `both` on both, all of spam, and `eggs` on pypi; used in that order. */
async function addToIndexes(catalog: Catalog): Promise<void> {
  const internal = sightingOf('spam-1.0.zip', { index: 'internal' })
  await catalog.addDistribution(distributionOf('a', { storedAt: 1 }), WHEEL)
  await catalog.addDistribution(distributionOf('b', { storedAt: 2 }), internal)
  await catalog.addDistribution(distributionOf('both', { storedAt: 3 }), WHEEL)
  await catalog.addSighting(sha256Of('both'), internal)
  await catalog.addDistribution(distributionOf('eggs', { storedAt: 4 }), sightingOf('eggs-1.zip', { project: 'eggs' }))
}

const NAMES = new Map(['a', 'b', 'c', 'd', 'both', 'eggs', 'one', 'two', 'three'].map((name) => [blake3Of(name), name]))

/** Names and reasons of what would go. */
async function plan(
  catalog: Catalog,
  budget: PruneBudget,
  disk?: { readonly freeBytes: number },
): Promise<readonly string[]> {
  const { distributions } = await catalog.planPrune(budget, NOW, disk)
  return Array.from(distributions, ({ blake3, reason }) => `${NAMES.get(blake3)} ${reason}`)
}
