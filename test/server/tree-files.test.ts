import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const BYTES = Buffer.from('all the same line\n'.repeat(2000))

/** Two trees, with one file in common. */
const wheels = (['one', 'other'] as const).map((name) => ({
  name,
  version: '1.0',
  files: { 'common/long.txt': BYTES, [`${name}.py`]: Buffer.from(`name = "${name}"\n`) },
}))
const upstream = await startUpstream({
  distributions: await Promise.all(wheels.map((each) => distributionOf(wheelFilename(each), makeWheel(each)))),
})
after(() => upstream[Symbol.asyncDispose]())

async function install(arbor: InProcessArbor, name: 'one' | 'other'): Promise<{ sha256: string; url: string }> {
  const { path, sha256 } = await arbor.locate(name, `${name}-1.0-py3-none-any.whl`)
  await ask(arbor.url, path)
  const { headers } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
  return { sha256, url: `${String(headers['content-location'])}/common/long.txt` }
}

describe('a file of a tree, asked for again,', () => {
  test('is what each client asks for, whatever the one before it got', async () => {
    await using arbor = await serveArbor({ upstream })
    const { url } = await install(arbor, 'one')
    const first = await ask(arbor.url, url)
    const askWith = (headers: Readonly<Record<string, string>>) => ask(arbor.url, url, { headers })
    for (const _ of [1, 2]) {
      const again = await ask(arbor.url, url)
      assert.deepEqual({ ...again.headers, date: '' }, { ...first.headers, date: '' })
      assert.ok(again.body.equals(BYTES))
      const head = await ask(arbor.url, url, { method: 'HEAD' })
      assert.deepEqual([head.headers['content-length'], head.body.length], [String(BYTES.length), 0])
      const part = await askWith({ Range: 'bytes=2-5' })
      assert.deepEqual([part.status, part.body.toString()], [206, BYTES.toString('utf8', 2, 6)])
      assert.equal((await askWith({ 'If-None-Match': String(first.headers['etag']) })).status, 304)
      assert.ok(gunzipSync((await askWith({ 'Accept-Encoding': 'gzip' })).body).equals(BYTES))
    }
  })

  test('is gone with its tree, though another tree has the same bytes', async () => {
    await using arbor = await serveArbor({ upstream })
    const [one, other] = [await install(arbor, 'one'), await install(arbor, 'other')]
    for (const _ of [1, 2]) assert.equal((await ask(arbor.url, one.url)).status, 200)
    const headers = { Authorization: 'Bearer secret-for-tests' }
    const body = JSON.stringify({ sha256: `sha256:${one.sha256}` })
    assert.equal((await ask(arbor.url, '/admin/forget', { method: 'POST', headers, body })).status, 200)
    // The bytes are in memory again.
    assert.equal((await ask(arbor.url, other.url)).status, 200)
    assert.equal((await ask(arbor.url, one.url)).status, 404)
  })
})
