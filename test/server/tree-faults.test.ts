import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { hashBlake3 } from '../../storage/digest.ts'
import { createLayout } from '../../storage/layout.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { someBytes } from '../support/memory-content.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const HUGE = someBytes(3_000_000)
const TEXT = Buffer.from('all the same line\n'.repeat(20_000))
const recipe: WheelRecipe = { name: 'tree', version: '1.0', files: { 'tree/huge.bin': HUGE, 'tree/long.txt': TEXT } }
const wheel = makeWheel(recipe)
const evil: WheelRecipe = { name: 'evil', version: '1.0', extraMembers: [{ name: '../evil', content: 'x' }] }
const upstream = await startUpstream({
  distributions: [
    await distributionOf(wheelFilename(recipe), wheel),
    await distributionOf(wheelFilename(evil), makeWheel(evil)),
  ],
})
after(() => upstream[Symbol.asyncDispose]())

/** A server that has the tree. */
async function serveTree() {
  const arbor = await serveArbor({ upstream })
  const { sha256 } = await arbor.locate('tree', wheelFilename(recipe))
  const { headers } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
  return { ...arbor, root: String(headers['content-location']), [Symbol.asyncDispose]: arbor[Symbol.asyncDispose] }
}

/** Puts other bytes where `bytes` are stored. */
async function replace({ data }: Pick<InProcessArbor, 'data'>, bytes: Buffer, others: Buffer): Promise<void> {
  const path = createLayout(data).blob(hashBlake3(bytes))
  await chmod(path, 0o644)
  await writeFile(path, others)
}

for (const what of ['.tar', '.tar.zst', '/tree/huge.bin', 'blob'])
  test(`${what}: what was changed on the disk is never sent to its end, and is right the next time`, async () => {
    await using served = await serveTree()
    const url = what === 'blob' ? `/blobs/blake3:${hashBlake3(HUGE)}` : `${served.root}${what}`
    await replace(served, HUGE, Buffer.concat([HUGE.subarray(1), Buffer.of(1)]))
    assert.equal((await ask(served.url, url)).complete, false)
    const { complete, body } = await ask(served.url, url)
    assert.ok(complete && (what === '.tar.zst' ? zstdDecompressSync(body) : body).includes(HUGE))
  })

test('a file whose wheel was changed on the disk is sent as it is, and as gzip again once the wheel is healed', async () => {
  await using served = await serveTree()
  const place = wheel.indexOf('tree/long.txt') + 'tree/long.txt'.length + 200
  await replace(served, wheel, Buffer.from(wheel).fill('damage', place, place + 20))
  const get = (): Promise<Exchange> =>
    ask(served.url, `${served.root}/tree/long.txt`, { headers: { 'Accept-Encoding': 'gzip' } })
  let answer = await get()
  assert.deepEqual([answer.status, answer.headers['content-encoding']], [200, undefined])
  assert.ok(answer.body.equals(TEXT))
  for (const end = performance.now() + 10_000; performance.now() < end; answer = await get())
    if (answer.headers['content-encoding'] === 'gzip') break
  assert.ok(gunzipSync(answer.body).equals(TEXT))
})

test('of a wheel that is refused, its tree and its lookup say what is wrong, and name the member once', async () => {
  await using arbor = await serveArbor({ upstream })
  const { sha256 } = await arbor.locate('evil', wheelFilename(evil))
  const detail = 'the name is not canonical'
  const tree = await ask(arbor.url, `/wheels/sha256:${sha256}/tree.tar.gz`)
  const problem = JSON.parse(tree.body.toString()) as Record<string, unknown>
  assert.deepEqual(
    [problem['status'], problem['reason'], problem['path'], problem['detail']],
    [422, 'name', '../evil', `"../evil": ${detail}`],
  )
  const { body } = await ask(arbor.url, `/lookup/sha256:${sha256}`)
  const { wheels: found } = JSON.parse(body.toString()) as { wheels: { tree: unknown }[] }
  assert.deepEqual(found[0]?.tree, { state: 'refused', reason: 'name', detail, path: '../evil' })
})
