import assert from 'node:assert/strict'
import type { Catalog, TrafficEntry } from '../../storage/catalog/catalog.ts'
import type { StoredPage } from '../../storage/model.ts'
import { parseIndexName, parseProjectName } from '../../storage/names.ts'
import type { InCatalog } from './catalog.ts'
import { INDEX, SDIST, WHEEL, blake3Of, distributionOf, sha256Of, sightingOf, storedPageOf } from './catalog-samples.ts'

/** Who uses what: counters, running totals, and what was done to the store. */
export function testUsage(inCatalog: InCatalog): void {
  testTraffic(inCatalog)
  testProjects(inCatalog)
  testStale(inCatalog)

  inCatalog('of each kind of run the last one is kept', async (catalog) => {
    assert.deepEqual(await catalog.findRuns(), {})
    await catalog.recordRun('prune', { endedAt: 1, outcome: { distributions: 1 } })
    await catalog.recordRun('prune', { endedAt: 2, outcome: { distributions: 2 } })
    await catalog.recordRun('scrub', { endedAt: 3, outcome: {} })
    assert.deepEqual(await catalog.findRuns(), {
      prune: { endedAt: 2, outcome: { distributions: 2 } },
      scrub: { endedAt: 3, outcome: {} },
    })
  })
}

function testTraffic(inCatalog: InCatalog): void {
  inCatalog('traffic adds up by day, index and project', async (catalog) => {
    await catalog.recordTraffic([entryOf({ hits: 1 }), entryOf({ misses: 1, project: 'eggs' })])
    await catalog.recordTraffic([entryOf({ hits: 2, day: 101 }), entryOf({ hits: 4, index: 'internal' })])
    const sums = async (by: 'day' | 'index' | 'project', since = 0): Promise<readonly unknown[]> => {
      const found = await catalog.findTraffic({ since, by, limit: 10 })
      return found.map(({ day, index, project, hits, misses }) => [day ?? index, project, hits, misses])
    }
    assert.deepEqual(await sums('day'), [
      [101, undefined, 2, 0],
      [100, undefined, 5, 1],
    ])
    assert.deepEqual(await sums('index'), [
      ['pypi', undefined, 3, 1],
      ['internal', undefined, 4, 0],
    ])
    assert.deepEqual(await sums('project'), [
      ['pypi', 'spam', 3, 0],
      ['internal', 'spam', 4, 0],
      ['pypi', 'eggs', 0, 1],
    ])
    assert.deepEqual(await sums('index', 101), [['pypi', undefined, 2, 0]])
    const [first] = await catalog.findTraffic({ since: 0, by: 'project', limit: 1 })
    assert.deepEqual(
      { ...first },
      {
        index: 'pypi',
        project: 'spam',
        hits: 3,
        misses: 0,
        bytesFromUpstream: 20,
        bytesServed: 2000,
        bytesSaved: 200,
      },
    )
  })

  inCatalog('counters that are older than 400 days go', async (catalog) => {
    await catalog.recordTraffic([entryOf({ day: 99 }), entryOf({ day: 100 })])
    await catalog.recordTraffic([entryOf({ day: 500 })])
    const days = await catalog.findTraffic({ since: 0, by: 'day', limit: 1000 })
    assert.deepEqual(
      days.map(({ day }) => day),
      [500, 100],
    )
  })
}

function testProjects(inCatalog: InCatalog): void {
  inCatalog('projects are listed with what is stored of them, the largest or the coldest first', async (catalog) => {
    await catalog.addDistribution(distributionOf('one', { size: 10, storedAt: 1000 }), WHEEL)
    await catalog.addDistribution(distributionOf('two', { size: 20, storedAt: 2000 }), SDIST)
    const eggs = sightingOf('eggs-1.zip', { project: 'eggs' })
    await catalog.addDistribution(distributionOf('three', { size: 1000, storedAt: 500 }), eggs)
    // Under a second name, and again: each counts once.
    await catalog.addSighting(sha256Of('one'), sightingOf('Spam-1.0-py3-none-any.whl'))
    await catalog.addDistribution(distributionOf('one', { size: 10, storedAt: 1000 }), WHEEL)
    const spamUsage = { index: INDEX, project: parseProjectName('spam'), distributions: 2, bytes: 30, usedAt: 2000 }
    const eggsUsage = { index: INDEX, project: parseProjectName('eggs'), distributions: 1, bytes: 1000, usedAt: 500 }
    assert.deepEqual(await listed(catalog, 'largest'), [eggsUsage, spamUsage])
    assert.deepEqual(await listed(catalog, 'coldest'), [eggsUsage, spamUsage])
    await catalog.recordUse(new Map([[blake3Of('three'), 9000]]))
    assert.deepEqual(await listed(catalog, 'coldest'), [spamUsage, { ...eggsUsage, usedAt: 9000 }])
    assert.equal((await catalog.listProjects('largest', 1)).length, 1)
  })

  inCatalog('with its last distribution a project goes', async (catalog) => {
    const internal = sightingOf('spam-1.0.zip', { index: 'internal' })
    await catalog.addDistribution(distributionOf('one', { size: 10, storedAt: 1000 }), WHEEL)
    await catalog.addSighting(sha256Of('one'), sightingOf('Spam-1.0-py3-none-any.whl'))
    await catalog.addSighting(sha256Of('one'), internal)
    await catalog.addDistribution(distributionOf('two', { size: 20, storedAt: 2000 }), SDIST)
    const plan = await catalog.planPrune({ maxBytes: 20 }, 10_000)
    await catalog.executePrune(plan, async () => {})
    assert.deepEqual(await listed(catalog, 'largest'), [
      { index: INDEX, project: parseProjectName('spam'), distributions: 1, bytes: 20, usedAt: 2000 },
    ])
    await catalog.executePrune(await catalog.planPrune({ maxBytes: 0 }, 10_000), async () => {})
    assert.deepEqual(await listed(catalog, 'largest'), [])
  })
}

function testStale(inCatalog: InCatalog): void {
  inCatalog('metadata is forgotten where somebody says so, whoever said it', async (catalog) => {
    const [gone, kept] = [sha256Of('gone'), sha256Of('kept')]
    for (const wheel of [gone, kept]) await catalog.saveMetadata(wheel, Uint8Array.of(1), 1000)
    await catalog.saveMetadata(gone, Uint8Array.of(2), 1000, { claimedBy: INDEX })
    assert.equal(await catalog.forgetMetadata([gone], { claimedBy: parseIndexName('another') }), 0)
    assert.equal(await catalog.forgetMetadata([gone], { claimedBy: INDEX }), 1)
    assert.deepEqual(await catalog.findMetadata(gone, INDEX), { content: Uint8Array.of(1), isClaim: false })
    await catalog.saveMetadata(gone, Uint8Array.of(2), 1000, { claimedBy: INDEX })
    assert.equal(await catalog.forgetMetadata([gone, sha256Of('other')]), 2)
    assert.equal(await catalog.findMetadata(gone, INDEX), undefined)
    assert.notEqual(await catalog.findMetadata(kept, INDEX), undefined)
    assert.equal(await catalog.forgetMetadata([gone]), 0)
  })

  inCatalog('upload times of files that a page no longer lists go once they are many', async (catalog) => {
    const { project } = WHEEL
    const listing = (hashes: readonly string[]): StoredPage => {
      const page = storedPageOf('page')
      const files = hashes.map((sha256) => ({ filename: WHEEL.filename, url: 'https://f.test/f', hashes: { sha256 } }))
      return { ...page, index: INDEX, project, page: { ...page.page, files } }
    }
    const all = Array.from({ length: 103 }, (_, number) => sha256Of(`file ${number}`))
    await catalog.savePage(listing(all))
    for (const file of all.slice(0, 102)) await catalog.saveUploadTime({ index: INDEX, project, file }, 1)
    await catalog.savePage(listing(all.slice(0, 1)))
    assert.equal((await catalog.findUploadTimes(INDEX, project)).size, 102, 'they may come back')
    await catalog.saveUploadTime({ index: INDEX, project, file: all[102]! }, 1)
    await catalog.savePage(listing(all.slice(0, 1)))
    assert.deepEqual([...(await catalog.findUploadTimes(INDEX, project)).keys()], all.slice(0, 1))
  })

  inCatalog('how far a scrub has come is kept until it is at its end, and is no run', async (catalog) => {
    const position = { cursor: 7, at: 1000, done: { files: 2 } }
    await catalog.saveScrubPosition({ ...position, cursor: 3 })
    await catalog.saveScrubPosition(position)
    assert.deepEqual(await catalog.findScrubPosition(), position)
    assert.deepEqual(await catalog.findRuns(), {})
    await catalog.saveScrubPosition(undefined)
    assert.equal(await catalog.findScrubPosition(), undefined)
  })

  inCatalog('pages and metadata that nobody asked for go, unless something of theirs is stored', async (catalog) => {
    for (const [project, fetchedAt] of [
      ['spam', 1000],
      ['old', 1000],
      ['new', 5000],
    ] as const) {
      await catalog.savePage(storedPageOf(project, { fetchedAt }))
    }
    await catalog.addDistribution(distributionOf('stored'), WHEEL)
    const content = Uint8Array.of(1)
    await catalog.saveMetadata(sha256Of('stored'), content, 1000)
    await catalog.saveMetadata(sha256Of('old'), content, 1000)
    await catalog.saveMetadata(sha256Of('new'), content, 5000)
    assert.deepEqual(await catalog.dropStale(5000), { pages: 1, metadata: 1 })
    assert.deepEqual(await catalog.dropStale(5000), { pages: 0, metadata: 0 })
    assert.equal(await catalog.findPage(INDEX, parseProjectName('old')), undefined)
    assert.equal(await catalog.findMetadata(sha256Of('old'), INDEX), undefined)
    assert.deepEqual((await catalog.findMetadata(sha256Of('stored'), INDEX))?.content, content)
    assert.deepEqual(await catalog.dropStale(5001), { pages: 1, metadata: 1 })
    await catalog.executePrune(await catalog.planPrune({ maxBytes: 0 }, 9000), async () => {})
    assert.deepEqual(await catalog.dropStale(5001), { pages: 1, metadata: 1 })
    assert.equal((await catalog.stats()).pages, 0)
  })

  inCatalog('many of them go, too, and saving metadata again does not keep it from going', async (catalog) => {
    for (let number = 0; number < 450; number += 1) {
      await catalog.saveMetadata(sha256Of(`w${number}`), Uint8Array.of(1), number % 3)
      await catalog.saveMetadata(sha256Of(`w${number}`), Uint8Array.of(1), 9)
    }
    const nothing = { pages: 0, metadata: 0 }
    assert.deepEqual(await catalog.dropStale(2, { signal: AbortSignal.abort() }), nothing, 'it was ended')
    assert.deepEqual(await catalog.dropStale(2), { pages: 0, metadata: 300 })
  })

  inCatalog('what many indexes said of one wheel at the same moment goes at once', async (catalog) => {
    // One more than are looked at in one step.
    for (let number = 0; number <= 2000; number += 1) {
      const claimedBy = parseIndexName(`index-${number}`)
      await catalog.saveMetadata(sha256Of('old'), Uint8Array.of(1), 1, { claimedBy })
    }
    assert.deepEqual(await catalog.dropStale(2), { pages: 0, metadata: 2001 })
  })
}

async function listed(catalog: Catalog, order: 'largest' | 'coldest'): Promise<readonly unknown[]> {
  // The rows of SQLite have no prototype.
  return structuredClone(await catalog.listProjects(order, 10))
}

function entryOf({ day = 100, index = 'pypi', project = 'spam', hits = 0, misses = 0 }): TrafficEntry {
  return {
    day,
    index: parseIndexName(index),
    project: parseProjectName(project),
    hits,
    misses,
    bytesFromUpstream: 10,
    bytesServed: project === 'spam' && index === 'pypi' ? 1000 : 10,
    bytesSaved: 100,
  }
}
