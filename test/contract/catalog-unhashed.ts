import assert from 'node:assert/strict'
import { INDEX, WHEEL, distributionOf, sha256Of } from './catalog-samples.ts'
import type { InCatalog } from './catalog.ts'
import { parseIndexName } from '../../storage/names.ts'

const URL = 'http://files.example/w.whl'
const seen = { listing: '[{},100]', validator: '"tag" 100', checkedAt: 1000, sha256: sha256Of('w') }

/** Files of which their index lists no SHA-256. */
export function testUnhashed(inCatalog: InCatalog): void {
  inCatalog('what is stored of a URL is found by index and URL, as it was said last', async (catalog) => {
    await catalog.saveUnhashed(INDEX, URL, seen)
    assert.equal(await catalog.findUnhashed(INDEX, URL), undefined, 'it is not stored')
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.addDistribution(distributionOf('v'), WHEEL)
    await catalog.saveUnhashed(INDEX, URL, { ...seen, sha256: sha256Of('v') })
    await catalog.saveUnhashed(INDEX, URL, { ...seen, validator: undefined, checkedAt: 2000 })
    assert.deepEqual(await catalog.findUnhashed(INDEX, URL), {
      listing: seen.listing,
      validator: undefined,
      checkedAt: 2000,
      distribution: distributionOf('w'),
    })
    assert.equal(await catalog.findUnhashed(INDEX, `${URL}?`), undefined)
  })

  inCatalog('what was listed of many URLs is found at once, by index', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.saveUnhashed(INDEX, URL, seen)
    await catalog.saveUnhashed(parseIndexName('other'), `${URL}?other`, seen)
    const urls = [`${URL}?other`, URL, `${URL}?none`]
    assert.deepEqual(await catalog.findUnhashedListings(INDEX, urls), new Map([[URL, seen.listing]]))
    assert.deepEqual(await catalog.findUnhashedListings(INDEX, []), new Map())
  })

  inCatalog('it goes with what is stored', async (catalog) => {
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.saveUnhashed(INDEX, URL, seen)
    const plan = await catalog.planPrune({ maxBytes: 0 }, 10_000)
    assert.equal((await catalog.executePrune(plan, () => Promise.resolve())).distributions, 1)
    assert.equal(await catalog.findUnhashed(INDEX, URL), undefined)
    assert.equal((await catalog.findUnhashedListings(INDEX, [URL])).size, 0)
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    assert.equal(await catalog.findUnhashed(INDEX, URL), undefined)
  })
}
