import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import { createLayout } from '../../storage/layout.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const HOUR_MS = 3_600_000

const wheels = (['used', 'idle'] as const).map((name) => ({
  name,
  version: '1.0',
  files: { [`${name}/__init__.py`]: Buffer.from(`name = "${name}"\n`) },
}))
const upstream = await startUpstream({
  distributions: await Promise.all(wheels.map((each) => distributionOf(wheelFilename(each), makeWheel(each)))),
})
after(() => upstream[Symbol.asyncDispose]())

interface Installed {
  readonly sha256: string
  /** Path of its tree. */
  readonly root: string
}

async function install(arbor: InProcessArbor, name: string): Promise<Installed> {
  const { path, sha256 } = await arbor.locate(name, `${name}-1.0-py3-none-any.whl`)
  await ask(arbor.url, path)
  const { headers } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
  return { sha256, root: String(headers['content-location']) }
}

/** The wheels that a prune would delete that lets go what was not used for half an hour. */
async function listUnused({ url }: InProcessArbor): Promise<string[]> {
  const { body } = await ask(url, '/admin/prune', {
    method: 'POST',
    headers: { Authorization: 'Bearer secret-for-tests' },
    body: JSON.stringify({ unusedFor: '30m' }),
  })
  const { plan } = JSON.parse(body.toString()) as { plan: { distributions: readonly { sha256: string }[] } }
  return plan.distributions.map(({ sha256 }) => sha256)
}

describe('a wheel of which only the tree is read is in use:', () => {
  for (const [what, pathOf] of [
    ['one file', (root: string) => `${root}/used/__init__.py`],
    ['the manifest', (root: string) => root],
    ['a directory', (root: string) => `${root}/used/`],
    ['a tar', (root: string) => `${root}.tar`],
    ['the manifest as a blob', (root: string) => root.replace('/trees/', '/blobs/')],
  ] as const) {
    test(what, async (t) => {
      await using arbor = await serveArbor({ upstream })
      const [used, idle] = [await install(arbor, 'used'), await install(arbor, 'idle')]
      // What is asked for again is found on a shorter way.
      assert.equal((await ask(arbor.url, pathOf(used.root))).status, 200)
      const now = Date.now()
      t.mock.timers.enable({ apis: ['Date'], now })
      assert.deepEqual(await listUnused(arbor), [])
      t.mock.timers.setTime(now + HOUR_MS)
      assert.equal((await ask(arbor.url, pathOf(used.root))).status, 200)
      assert.deepEqual(await listUnused(arbor), [`sha256:${idle.sha256}`])
    })
  }
})

test('respond-async: who asks for the tree of a stored wheel that is not unpacked yet is told so, and it is unpacked', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'arbor-tree-uses-'))
  t.after(() => rm(data, { recursive: true }))
  const { sha256, root } = await (async () => {
    await using arbor = await serveArbor({ upstream, data })
    return await install(arbor, 'used')
  })()
  // As if that process had ended before; but for `wheel`, which would have the next one unpack it at its start.
  const catalog = new DatabaseSync(createLayout(data).catalog)
  catalog.exec('UPDATE distribution SET tree = NULL, record = NULL, wheel = 0')
  catalog.close()

  await using arbor = await serveArbor({ upstream, data })
  const path = `/wheels/sha256:${sha256}/tree`
  const { status, headers, body } = await ask(arbor.url, path, { headers: { Prefer: 'respond-async' } })
  assert.deepEqual([status, headers['retry-after'], headers['preference-applied']], [202, '1', 'respond-async'])
  assert.deepEqual(JSON.parse(body.toString()), { state: 'pending' })
  assert.equal((await ask(arbor.url, path)).headers['content-location'], root)
})
