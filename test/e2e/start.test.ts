import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { suite, test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const recipe = { name: 'demo', version: '1.0', files: { 'demo.py': 'print("demo")\n' } }
const wheel = makeWheel(recipe)

suite('as a person starts it', { concurrency: true }, () => {
  for (const through of ['npm', 'node'] as const) {
    test(`through ${through}: says where it listens and what to type, serves, and ends at SIGTERM with nothing left`, async () => {
      await using upstream = await startUpstream({
        distributions: [await distributionOf(wheelFilename(recipe), wheel)],
      })
      await using arbor = await startArbor({ upstream: upstream.url, through })
      for (const fact of [upstream.url, arbor.data, 'pip install --index-url', 'uv pip install --index-url']) {
        assert.ok(arbor.output.includes(fact), `${fact} is not in:\n${arbor.output}`)
      }
      const page = await fetch(`${arbor.index}demo/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
      const { files } = (await page.json()) as { files: { url: string }[] }
      const file = await fetch(new URL(files[0]?.url ?? '', page.url))
      assert.deepEqual(Buffer.from(await file.arrayBuffer()), wheel)
      assert.ok((await readdir(arbor.data)).length > 0)
      const started = performance.now()
      await arbor.stop()
      assert.ok(performance.now() - started < 5000, 'it ended within five seconds')
    })
  }

  test('what was stored is there after a restart, with no upstream request', async () => {
    await using upstream = await startUpstream({ distributions: [await distributionOf(wheelFilename(recipe), wheel)] })
    await using first = await startArbor({ upstream: upstream.url })
    const page = await fetch(`${first.index}demo/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
    const { files } = (await page.json()) as { files: { url: string; hashes: { sha256: string } }[] }
    const path = new URL(files[0]?.url ?? '', page.url).pathname
    await (await fetch(new URL(path, first.url))).arrayBuffer()
    const tree = await (await fetch(`${first.url}/wheels/sha256:${files[0]?.hashes.sha256}/tree`)).text()
    await first.stop()
    await upstream.stop()
    await using second = await startArbor({ upstream: upstream.url, data: first.data })
    const again = await fetch(new URL(path, second.url))
    assert.deepEqual(Buffer.from(await again.arrayBuffer()), wheel)
    assert.equal(await (await fetch(`${second.url}/wheels/sha256:${files[0]?.hashes.sha256}/tree`)).text(), tree)
    await second.stop()
  })

  test('a setting that it does not understand ends it at once, naming the setting', async () => {
    await assert.rejects(startArbor({ upstream: 'no URL' }), /ended with 2[^]*ARBOR_UPSTREAM/)
  })
})
