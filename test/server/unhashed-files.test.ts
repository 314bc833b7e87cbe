import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IndexSource } from '../../server/index-source.ts'
import { openLog } from '../../server/log.ts'
import { UnhashedFiles, type UnhashedFilesOptions } from '../../server/unhashed-files.ts'
import type { Upstream, UpstreamFile } from '../../server/upstream.ts'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'

const bytes = Buffer.from('what was downloaded')
const distribution = { sha256: hashSha256(bytes), blake3: hashBlake3(bytes), size: bytes.length, storedAt: 0 }
const index: IndexSource = { name: parseIndexName('main'), url: 'http://index.example/', freshMs: 1000, staleForMs: 0 }
const filename = parseFilename('demo-1.0.tar.gz')
const listing = {
  listed: { filename, url: 'http://index.example/demo-1.0.tar.gz', hashes: {} },
  sighting: { index: index.name, project: parseProjectName('demo'), filename },
}
const answer: UpstreamFile = {
  status: 206,
  validator: '"1"',
  first: 0,
  last: 0,
  size: bytes.length,
  retryAfterSeconds: undefined,
  body: (async function* () {})(),
  discard: () => {},
}

test('what is stored while upstream is asked whether the file is still the same is not forgotten', async () => {
  let now = 0
  let asking = Promise.resolve()
  const openPart: Upstream['openPart'] = async () => {
    await asking
    return answer
  }
  const catalog = { findUnhashed: () => Promise.resolve(undefined), saveUnhashed: () => Promise.resolve() }
  const { signal } = new AbortController()
  const log = openLog('silent')
  const options = { upstream: { openPart }, catalog, clock: () => now, log, signal }
  const files = new UnhashedFiles(options as unknown as UnhashedFilesOptions)
  assert.equal(await files.findCurrent(index, listing), undefined)
  const version = files.findVersion(index, listing.listed)
  now += 2000
  const { promise, resolve } = Promise.withResolvers<void>()
  asking = promise
  const found = files.findCurrent(index, listing)
  // So that it has asked by now.
  await new Promise((done) => void setImmediate(done))
  files.keep(index, listing, { version, distribution })
  resolve()
  assert.equal(await found, distribution)
  assert.equal(await files.findCurrent(index, listing), distribution)
})
