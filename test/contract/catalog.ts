import assert from 'node:assert/strict'
import { hashSha256 } from '../../storage/digest.ts'
import { describe, it } from 'node:test'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { parseIndexName, parseProjectName } from '../../storage/names.ts'
import { testBudgets } from './catalog-budgets.ts'
import { testCondemning } from './catalog-condemn.ts'
import { testListings } from './catalog-listings.ts'
import { testPrune } from './catalog-prune.ts'
import { testTrees } from './catalog-trees.ts'
import { testAgainstModel } from './catalog-random.ts'
import { INDEX, SDIST, WHEEL, blake3Of, distributionOf, sha256Of, sightingOf, storedPageOf } from './catalog-samples.ts'
import { testUnhashed } from './catalog-unhashed.ts'
import { testUsage } from './catalog-usage.ts'

/** Where a catalog is kept, made afresh for each test. */
export interface CatalogFixture {
  /** Called once per test. */
  open(): Promise<Catalog>
  remove(): Promise<void>
}

export type InCatalog = (what: string, test: (catalog: Catalog) => Promise<void>) => void

/** The contract of {@link Catalog}. Each test ends by closing what it opened. */
export function testCatalog(name: string, createFixture: () => Promise<CatalogFixture>): void {
  const inCatalog: InCatalog = (what, test) => {
    it(what, async (t) => {
      const fixture = await createFixture()
      t.after(() => fixture.remove())
      const catalog = await fixture.open()
      // Also after a failed assertion, since a database that is open keeps its folder.
      t.after(() => catalog.close())
      await test(catalog)
    })
  }
  describe(`${name}: pages`, () => testPages(inCatalog))
  describe(`${name}: listings`, () => testListings(inCatalog))
  describe(`${name}: metadata`, () => testMetadata(inCatalog))
  describe(`${name}: upload times`, () => testUploadTimes(inCatalog))
  describe(`${name}: files without a hash`, () => testUnhashed(inCatalog))
  describe(`${name}: distributions`, () => testDistributions(inCatalog))
  describe(`${name}: trees and blobs`, () => testTrees(inCatalog))
  describe(`${name}: prune`, () => testPrune(inCatalog))
  describe(`${name}: budgets`, () => testBudgets(inCatalog))
  describe(`${name}: damage`, () => testCondemning(inCatalog))
  describe(`${name}: usage`, () => testUsage(inCatalog))
  describe(`${name}: random operations`, () => testAgainstModel(inCatalog))
  describe(`${name}: closing`, () => testClosing(inCatalog))
}

function testPages(inCatalog: InCatalog): void {
  const spam = parseProjectName('spam')

  inCatalog('a saved page is found as it was, unknown keys and odd text included', async (catalog) => {
    const page = storedPageOf('spam', {
      page: { versions: ['1.0'], extra: { _note: 'naïve "quoted" \u0000 🌲', nested: [1, null, { a: true }] } },
    })
    await catalog.savePage(page)
    assert.deepEqual(await catalog.findPage(INDEX, spam), page)
    assert.equal(await catalog.findPage(INDEX, parseProjectName('eggs')), undefined)
    assert.equal((await catalog.stats()).pages, 1)
  })

  inCatalog('a page saved again replaces the old one with its validators', async (catalog) => {
    await catalog.savePage(storedPageOf('spam'))
    const newer = { ...storedPageOf('spam', { fetchedAt: 2000, page: { versions: ['2.0'] } }), etag: undefined }
    await catalog.savePage(newer)
    assert.deepEqual(await catalog.findPage(INDEX, spam), newer)
    assert.equal((await catalog.stats()).pages, 1)
  })

  inCatalog('confirming changes the time alone, and makes no page where there is none', async (catalog) => {
    await catalog.savePage(storedPageOf('spam'))
    await catalog.confirmPage(INDEX, spam, 5000)
    assert.deepEqual(await catalog.findPage(INDEX, spam), storedPageOf('spam', { fetchedAt: 5000 }))
    await catalog.confirmPage(INDEX, parseProjectName('eggs'), 5000)
    assert.equal(await catalog.findPage(INDEX, parseProjectName('eggs')), undefined)
  })

  inCatalog(
    'that there is no page is kept in its place, until there is one again, or all is forgotten',
    async (catalog) => {
      assert.equal(await catalog.findAbsence(INDEX, spam), undefined)
      await catalog.savePage(storedPageOf('spam'))
      assert.equal(await catalog.findAbsence(INDEX, spam), undefined)
      await catalog.saveAbsence(INDEX, spam, 5000)
      assert.equal(await catalog.findAbsence(INDEX, spam), 5000)
      assert.equal(await catalog.findPage(INDEX, spam), undefined)
      assert.equal((await catalog.stats()).pages, 0)
      await catalog.saveAbsence(INDEX, spam, 4000)
      assert.equal(await catalog.findAbsence(INDEX, spam), 5000, 'what is older says nothing')
      await catalog.confirmPage(INDEX, spam, 5500)
      assert.equal(await catalog.findAbsence(INDEX, spam), 5000, 'who confirms a page confirms no absence')
      await catalog.savePage(storedPageOf('spam', { fetchedAt: 6000 }))
      assert.equal(await catalog.findAbsence(INDEX, spam), undefined)
      assert.deepEqual(await catalog.findPage(INDEX, spam), storedPageOf('spam', { fetchedAt: 6000 }))
      await catalog.savePage({ ...storedPageOf('eggs'), etag: undefined, lastModified: undefined })
      assert.equal((await catalog.stats()).pages, 2)
      await catalog.saveAbsence(INDEX, spam, 7000)
      await catalog.forgetPage(INDEX, spam)
      assert.equal(await catalog.findAbsence(INDEX, spam), undefined)
    },
  )

  inCatalog('a forgotten page is gone; forgetting what is not there is no error', async (catalog) => {
    await catalog.savePage(storedPageOf('spam'))
    await catalog.forgetPage(INDEX, spam)
    await catalog.forgetPage(INDEX, spam)
    assert.equal(await catalog.findPage(INDEX, spam), undefined)
    await catalog.savePage(storedPageOf('spam'))
    assert.deepEqual(await catalog.findPage(INDEX, spam), storedPageOf('spam'))
  })
}

function testUploadTimes(inCatalog: InCatalog): void {
  const { project } = WHEEL
  const file = sha256Of('file')
  inCatalog('an upload time is kept for each index, the first one, as long as the page is', async (catalog) => {
    const other = parseIndexName('other')
    for (const index of [INDEX, other]) await catalog.savePage({ ...storedPageOf('page'), index, project })
    await catalog.saveUploadTime({ index: INDEX, project, file }, 1_717_571_289_000)
    await catalog.saveUploadTime({ index: INDEX, project, file }, 2)
    await catalog.saveUploadTime({ index: other, project, file }, 3)
    await catalog.savePage({ ...storedPageOf('newer'), index: INDEX, project })
    assert.deepEqual([...(await catalog.findUploadTimes(INDEX, project))], [[file, 1_717_571_289_000]])
    assert.deepEqual([...(await catalog.findUploadTimes(other, project))], [[file, 3]])
    await catalog.forgetPage(INDEX, project)
    await catalog.saveUploadTime({ index: INDEX, project, file }, 4)
    assert.deepEqual([...(await catalog.findUploadTimes(INDEX, project))], [])
  })
}

function testMetadata(inCatalog: InCatalog): void {
  inCatalog('metadata is kept byte for byte, whether the wheel is stored or not', async (catalog) => {
    const content = Uint8Array.of(0, 255, 10, 13, 128)
    await catalog.saveMetadata(sha256Of('wheel'), content, 1000)
    await catalog.saveMetadata(sha256Of('empty'), new Uint8Array(), 1000)
    assert.deepEqual(await catalog.findMetadata(sha256Of('wheel'), INDEX), { content, isClaim: false })
    assert.deepEqual((await catalog.findMetadata(sha256Of('empty'), INDEX))?.content, new Uint8Array())
    assert.equal(await catalog.findMetadata(sha256Of('other'), INDEX), undefined)
  })

  inCatalog('what an index claims of a wheel is its own, until the wheel is read', async (catalog) => {
    const wheel = sha256Of('wheel')
    const [claim, content] = [Uint8Array.of(1), Uint8Array.of(2)]
    const other = parseIndexName('other')
    await catalog.saveMetadata(wheel, claim, 1000, { claimedBy: INDEX })
    assert.deepEqual(await catalog.findMetadata(wheel, INDEX), { content: claim, isClaim: true })
    assert.equal(await catalog.findMetadata(wheel, other), undefined)
    assert.equal((await catalog.findMetadataDigests([wheel], other)).size, 0)
    await catalog.saveMetadata(wheel, content, 1000)
    for (const index of [INDEX, other]) {
      assert.deepEqual(await catalog.findMetadata(wheel, index), { content, isClaim: false })
    }
    await catalog.saveMetadata(wheel, claim, 1000, { claimedBy: INDEX })
    assert.deepEqual(await catalog.findMetadataDigests([wheel], INDEX), new Map([[wheel, hashSha256(claim)]]))
    assert.deepEqual(await catalog.findMetadataDigests([wheel], other), new Map([[wheel, hashSha256(content)]]))
  })

  inCatalog('the digests of what is kept are found for many wheels at once', async (catalog) => {
    const content = Uint8Array.of(1, 2, 3)
    await catalog.saveMetadata(sha256Of('wheel'), content, 1000)
    await catalog.saveMetadata(sha256Of('without'), new Uint8Array(), 1000)
    const digests = await catalog.findMetadataDigests(
      ['wheel', 'other', 'without'].map((name) => sha256Of(name)),
      INDEX,
    )
    const expected = [
      [sha256Of('wheel'), hashSha256(content)],
      [sha256Of('without'), 'none'],
    ] as const
    assert.deepEqual(new Map(digests), new Map<string, string>(expected))
  })
}

function testDistributions(inCatalog: InCatalog): void {
  inCatalog(
    'a distribution is found by either digest, with its sightings in the order they were made',
    async (catalog) => {
      const second = sightingOf('a.whl', { index: 'internal' })
      await catalog.addDistribution(distributionOf('w'), WHEEL)
      await catalog.addSighting(sha256Of('w'), second)
      await catalog.addSighting(sha256Of('w'), second)
      await catalog.addSighting(sha256Of('not stored'), second)
      const expected = { ...distributionOf('w'), sightings: [WHEEL, second], unpacking: undefined }
      assert.deepEqual(await catalog.findDistribution({ algorithm: 'sha256', hex: sha256Of('w') }), expected)
      assert.deepEqual(await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('w') }), expected)
      assert.equal(await catalog.findDistribution({ algorithm: 'sha256', hex: sha256Of('x') }), undefined)
      assert.equal(await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('x') }), undefined)
      assert.deepEqual(await catalog.findPlace(blake3Of('w')), { kind: 'file', size: 100 })
      const stored = await catalog.findStoredDistributions([sha256Of('x'), sha256Of('w')])
      assert.deepEqual(stored, new Set([sha256Of('w')]))
    },
  )

  inCatalog('the distributions of a project are those that were seen on that index, oldest first', async (catalog) => {
    await catalog.addDistribution(distributionOf('new', { storedAt: 2000 }), WHEEL)
    await catalog.addDistribution(distributionOf('old', { storedAt: 1000 }), SDIST)
    await catalog.addDistribution(distributionOf('elsewhere'), sightingOf('spam-1.0.zip', { index: 'internal' }))
    await catalog.addDistribution(distributionOf('eggs'), sightingOf('eggs-1.0.zip', { project: 'eggs' }))
    const second = sightingOf('spam-1.0-py3-none-any.whl', { index: 'internal' })
    await catalog.addSighting(sha256Of('new'), second)
    const found = await catalog.findDistributionsOf(INDEX, parseProjectName('spam'))
    assert.deepEqual(found, [
      { ...distributionOf('old', { storedAt: 1000 }), sightings: [SDIST], unpacking: undefined },
      { ...distributionOf('new', { storedAt: 2000 }), sightings: [WHEEL, second], unpacking: undefined },
    ])
    assert.deepEqual(await catalog.findDistributionsOf(INDEX, parseProjectName('ham')), [])
  })

  inCatalog('adding a distribution again keeps when it was first stored', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.addDistribution(distributionOf('w', { storedAt: 9000 }), WHEEL)
    const found = await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('w') })
    assert.deepEqual(found, { ...distributionOf('w'), sightings: [WHEEL], unpacking: undefined })
    assert.equal((await catalog.stats()).distributions, 1)
  })

  inCatalog('files are put in place before the distribution is there; if that fails it is not', async (catalog) => {
    const error = new Error('the disk is on fire')
    const adopt = (): Promise<void> => Promise.reject(error)
    await assert.rejects(catalog.addDistribution(distributionOf('w'), WHEEL, { adopt }), error)
    assert.equal(await catalog.findPlace(blake3Of('w')), undefined)
    assert.equal((await catalog.stats()).storedBytes, 0)
    let adopted = 0
    await catalog.addDistribution(distributionOf('w'), WHEEL, { adopt: async () => void (adopted += 1) })
    assert.equal(adopted, 1)
    assert.equal((await catalog.stats()).storedBytes, 100)
  })

  inCatalog('only wheels are unpackable, oldest first, under whichever name they were seen', async (catalog) => {
    await catalog.addDistribution(distributionOf('new', { storedAt: 2000 }), WHEEL)
    await catalog.addDistribution(distributionOf('sdist'), SDIST)
    await catalog.addDistribution(distributionOf('old', { storedAt: 500 }), sightingOf('SPAM-1.0-py3-none-any.WHL'))
    await catalog.addDistribution(distributionOf('renamed', { storedAt: 1500 }), sightingOf('spam.zip'))
    await catalog.addSighting(sha256Of('renamed'), WHEEL)
    assert.deepEqual(await catalog.listUnpackable(1), ['old', 'renamed', 'new'].map(blake3Of))
    assert.equal((await catalog.stats()).wheels.pending, 3)
  })

  inCatalog('many writers at once lose nothing', async (catalog) => {
    const names = Array.from({ length: 50 }, (_, number) => `w${number}`)
    await Promise.all(
      names.flatMap((name) => [
        catalog.addDistribution(distributionOf(name), WHEEL),
        catalog.savePage(storedPageOf(name)),
        catalog.addDistribution(distributionOf('shared'), sightingOf(`${name}.whl`)),
      ]),
    )
    const { distributions, pages, storedBytes } = await catalog.stats()
    assert.deepEqual({ distributions, pages, storedBytes }, { distributions: 51, pages: 50, storedBytes: 5100 })
    const shared = await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of('shared') })
    assert.equal(shared?.sightings.length, 50)
  })
}

function testClosing(inCatalog: InCatalog): void {
  inCatalog('closing finishes what was begun, and refuses what comes after', async (catalog) => {
    const begun = catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.close()
    await begun
    await assert.rejects(catalog.stats(), { code: 'ERR_STORE_CLOSED' })
    await assert.rejects(catalog.savePage(storedPageOf('spam')), { code: 'ERR_STORE_CLOSED' })
    await assert.rejects(catalog.planPrune({}, 0), { code: 'ERR_STORE_CLOSED' })
    await catalog.close()
  })
}
