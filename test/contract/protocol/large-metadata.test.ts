import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { makeWheel, wheelMetadata } from '../../support/zip-writer.ts'
import { get, openRaw, pageOf, proxyFor } from './proxy.ts'
import { hashSha256 } from '../../../storage/digest.ts'

const demo = { name: 'demo', version: '1.0' }
const wheel = makeWheel(demo)
const filename = 'demo-1.0-py3-none-any.whl'

test('metadata larger than what is read out of a wheel is not taken, since no limit of the store counts it', async (t) => {
  // A few kilobytes on the way.
  const bomb = gzipSync(`Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\n${'x'.repeat(5 << 20)}`)
  const { url } = await openRaw(t, ({ url: path = '' }, response) => {
    if (path.endsWith('.metadata')) return response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    if (path.endsWith('.whl')) return response.writeHead(200, { 'content-length': wheel.length }).end(wheel)
    const file = { filename, url: filename, hashes: { sha256: hashSha256(wheel) }, 'core-metadata': true }
    return response.end(JSON.stringify({ files: [file] }))
  })
  const arbor = await proxyFor(t, url)
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), wheelMetadata(demo))
})
