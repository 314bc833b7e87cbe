import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, stat, utimes, writeFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { hashBlake3 } from '../../storage/digest.ts'
import { createLayout } from '../../storage/layout.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const HUGE = randomBytes(3_000_000)
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
  const { sha256, path: file } = await arbor.locate('tree', wheelFilename(recipe))
  const { headers } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
  return {
    ...arbor,
    sha256,
    file,
    root: String(headers['content-location']),
    [Symbol.asyncDispose]: arbor[Symbol.asyncDispose],
  }
}

/** Puts other bytes where `bytes` are stored, and has the file say that it was changed when it was before. */
async function replace({ data }: Pick<InProcessArbor, 'data'>, bytes: Buffer, others: Buffer): Promise<void> {
  const path = createLayout(data).blob(hashBlake3(bytes))
  const { atime, mtime } = await stat(path)
  await chmod(path, 0o644)
  await writeFile(path, others)
  await utimes(path, atime, mtime)
}

type Served = Awaited<ReturnType<typeof serveTree>>

/** What is sent whole, what lies on the disk for it, and how it comes. */
const WHOLE: readonly (readonly [string, Buffer, (served: Served) => string, ((body: Buffer) => Buffer)?])[] = [
  ['a .tar', HUGE, ({ root }) => `${root}.tar`],
  ['a .tar.zst', HUGE, ({ root }) => `${root}.tar.zst`, zstdDecompressSync],
  ['a file of a tree', HUGE, ({ root }) => `${root}/tree/huge.bin`],
  ['a blob', HUGE, () => `/blobs/blake3:${hashBlake3(HUGE)}`],
  ['a distribution by its URL', wheel, ({ file }) => file],
  ['a wheel by its digest', wheel, ({ sha256 }) => `/wheels/sha256:${sha256}`],
  ['a blob that is a wheel', wheel, ({ sha256 }) => `/blobs/sha256:${sha256}`],
]
test('what was changed on the disk is never sent to its end, and is right the next time', async (t) => {
  await using served = await serveTree()
  for (const [what, bytes, find, decode = (body: Buffer) => body] of WHOLE)
    await t.test(what, async (each) => {
      const get = async (): Promise<Buffer | undefined> => {
        const { complete, body } = await ask(served.url, find(served))
        return complete ? decode(body) : undefined
      }
      const others = Buffer.concat([bytes.subarray(1), Buffer.of(1)])
      await replace(served, bytes, others)
      assert.equal(await get(), undefined, 'before any read')
      assert.ok((await get())?.includes(bytes))
      // What was written long ago is not hashed at each read.
      each.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
      for (let round = 0; round < 2; round += 1) assert.ok((await get())?.includes(bytes))
      await replace(served, bytes, others)
      assert.equal(await get(), undefined, 'after it was found sound')
      assert.ok((await get())?.includes(bytes))
    })
})

test('of a distribution that was changed on the disk, a range over all of it is no better, and HEAD and parts are as ever', async () => {
  await using served = await serveTree()
  await replace(served, wheel, Buffer.concat([wheel.subarray(1), Buffer.of(1)]))
  const get = (range: string, method = 'GET'): Promise<Exchange> =>
    ask(served.url, served.file, { method, headers: { range } })
  assert.deepEqual([(await get('bytes=0-9')).complete, (await get('bytes=0-', 'HEAD')).status], [true, 200])
  assert.equal((await get('bytes=0-')).complete, false)
  assert.ok((await get('bytes=0-')).body.equals(wheel))
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
