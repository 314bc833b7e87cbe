import assert from 'node:assert/strict'
import type { ListedFile } from '../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { INDEX, sha256Of, storedPageOf } from './catalog-samples.ts'
import type { InCatalog } from './catalog.ts'

function listedFile(name: string, hashes: ListedFile['hashes'] = { sha256: sha256Of(name) }): ListedFile {
  return {
    filename: parseFilename(`${name}-1.0.tar.gz`),
    url: `http://files.example/${name}-1.0.tar.gz`,
    hashes,
    coreMetadata: { sha256: sha256Of(`metadata of ${name}`) },
  }
}

function pageWith(project: string, ...names: string[]) {
  return storedPageOf(project, { page: { files: names.map((name) => listedFile(name)) } })
}

/** Which pages there are, and which list a SHA-256. */
export function testListings(inCatalog: InCatalog): void {
  const spam = parseProjectName('spam')
  const onSpam = { index: INDEX, project: spam }

  inCatalog(
    'whether an index has a page from somewhere is known, or maybe where its source is not',
    async (catalog) => {
      const page = storedPageOf('spam')
      const [source, elsewhere] = [page.source!, 'https://elsewhere.example/simple/']
      await catalog.savePage(page)
      await catalog.saveAbsence(INDEX, parseProjectName('eggs'), 1)
      const has = (...sources: string[]): Promise<boolean[]> =>
        Promise.all(sources.map((from) => catalog.hasPageFrom(from, INDEX)))
      assert.deepEqual(await has(source, elsewhere), [true, false])
      assert.equal(await catalog.hasPageFrom(source, parseIndexName('other')), false)
      await catalog.savePage({ ...page, source: undefined })
      assert.deepEqual(await has(source, elsewhere), [true, true])
      await catalog.saveAbsence(INDEX, spam, 10_000)
      assert.deepEqual(await has(source, elsewhere), [false, false])
    },
  )

  inCatalog('every page that lists a SHA-256 is found, and no other', async (catalog) => {
    const mirror = parseIndexName('mirror')
    await catalog.savePage(pageWith('spam', 'a', 'b'))
    await catalog.savePage({ ...pageWith('spam', 'b', 'c'), index: mirror })
    assert.deepEqual(await catalog.findPagesListing(sha256Of('a')), [onSpam])
    assert.deepEqual(await catalog.findPagesListing(sha256Of('b')), [onSpam, { index: mirror, project: spam }])
    assert.deepEqual(await catalog.findPagesListing(sha256Of('d')), [])
  })

  inCatalog('a SHA-256 that begins like a listed one is not taken for it', async (catalog) => {
    await catalog.savePage(pageWith('spam', 'a'))
    const alike = sha256Of('a').slice(0, 60) + sha256Of('b').slice(0, 4)
    assert.deepEqual(await catalog.findPagesListing(alike as ReturnType<typeof sha256Of>), [])
  })

  inCatalog('what a page lists no more is found no more, and nothing of a page that is gone', async (catalog) => {
    await catalog.savePage(pageWith('spam', 'a', 'b'))
    await catalog.savePage(pageWith('spam', 'b', 'c'))
    assert.deepEqual(await catalog.findPagesListing(sha256Of('a')), [])
    assert.deepEqual(await catalog.findPagesListing(sha256Of('c')), [onSpam])
    await catalog.forgetPage(INDEX, spam)
    assert.deepEqual(await catalog.findPagesListing(sha256Of('c')), [])
    await catalog.savePage(pageWith('eggs', 'd'))
    await catalog.dropStale(5000)
    assert.deepEqual(await catalog.findPagesListing(sha256Of('d')), [])
  })

  inCatalog('files without a SHA-256 are no trouble, nor are pages beyond the first thousand', async (catalog) => {
    const files = [listedFile('none', {}), listedFile('weak', { md5: '0'.repeat(32) }), listedFile('a')]
    for (let at = 0; at < 1100; at += 1) await catalog.savePage(pageWith(`empty-${at}`))
    await catalog.savePage(storedPageOf('spam', { page: { files } }))
    assert.deepEqual(await catalog.findPagesListing(sha256Of('a')), [onSpam])
  })
}
