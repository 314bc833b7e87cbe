import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openDiskBlobStore } from '../../storage/blobs/disk-blob-store.ts'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { claim } from '../../storage/claim.ts'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { StoreClosedError } from '../../storage/errors.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { TreeSyncs } from '../../storage/tree-syncs.ts'
import { createUnpacker, type Unpacker } from '../../storage/unpacker.ts'
import { Unpackings } from '../../storage/unpacking.ts'
import { someBytes } from '../support/memory-content.ts'
import { makeWheel } from '../support/zip-writer.ts'

const never = { signal: new AbortController().signal }

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-claim-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test('one has it at a time; who waits gets it when it is given up, and nothing is left', async (t) => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.lock')
  const order: string[] = []
  const first = await claim(diskIo, path, never)
  const second = claim(diskIo, path, never).then((claimed) => {
    order.push('second')
    return claimed
  })
  assert.equal(await Promise.race([second, claim(diskIo, join(folder, 'b.lock'), never).then(release)]), undefined)
  order.push('first gives up')
  await first?.[Symbol.asyncDispose]()
  await release(await second)
  assert.deepEqual(order, ['first gives up', 'second'])
  assert.deepEqual(await readdir(folder), [])
})

test('who waits is told when the store is closed', async (t) => {
  const path = join(await makeFolder(t), 'a.lock')
  const held = await claim(diskIo, path, never)
  const closing = new AbortController()
  const waiting = claim(diskIo, path, closing)
  closing.abort(new StoreClosedError('closed'))
  await assert.rejects(waiting, { code: 'ERR_STORE_CLOSED' })
  await release(held)
})

test('who waits for one that hangs does without it in the end, and leaves it what it has', async (t) => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.lock')
  const held = await claim(diskIo, path, never)
  assert.equal(await claim(diskIo, path, { ...never, maxWaitMs: 1 }), undefined)
  assert.deepEqual(await readdir(folder), ['a.lock'])
  await release(held)
})

test('where there can be no lock nobody waits', async (t) => {
  assert.equal(await claim(diskIo, join(await makeFolder(t), 'none/a.lock'), never), undefined)
})

test('a large wheel that two processes are asked for at once is unpacked by one of them', async (t) => {
  const folder = await makeFolder(t)
  const layout = createLayout(folder)
  await prepareDataFolder(diskIo, layout)
  const blobs = await openDiskBlobStore({ io: diskIo, layout })
  const catalog = await openSqliteCatalog({ path: layout.catalog })
  const unpacker = createUnpacker({
    stage: () => blobs.stage(),
    findStored: (all) => catalog.findStored(all),
    threads: 1,
  })
  t.after(async () => {
    await syncs.settle()
    for (const part of [unpacker, blobs, catalog]) await part.close()
  })
  let count = 0
  const counting = { limits: unpacker.limits, unpack: (path: string) => ((count += 1), unpacker.unpack(path)) }
  const syncs = new TreeSyncs({ blobs, catalog, inspect: assert.fail, withdraw: assert.fail, onError: assert.ifError })
  const asProcess = (): Unpackings =>
    new Unpackings({
      blobs,
      catalog,
      syncs,
      unpacker: counting as Partial<Unpacker> as Unpacker,
      heal: () => Promise.resolve('sound'),
      onError: assert.ifError,
      claim: (wheel) => claim(diskIo, layout.unpackLock(wheel), never),
    })
  for (const [size, expected] of [
    [2_000_000, 1],
    [1000, 2],
  ] as const) {
    const bytes = makeWheel({ name: 'spam', version: '1', method: 0, files: { 'spam/a.bin': someBytes(size) } })
    const path = blobs.stage()
    await writeFile(path, bytes)
    const blake3 = hashBlake3(bytes)
    await blobs.adopt([{ path, blake3 }])
    await catalog.addDistribution(
      { blake3, sha256: hashSha256(bytes), size: bytes.length, storedAt: 1 },
      {
        index: parseIndexName('main'),
        project: parseProjectName('spam'),
        filename: parseFilename(`spam-${size}-py3-none-any.whl`),
      },
    )
    count = 0
    const outcomes = await Promise.all([asProcess(), asProcess()].map((each) => each.outcomeOf(blake3)))
    assert.deepEqual(outcomes[0], outcomes[1])
    assert.equal(count, expected, `${size} bytes`)
  }
})

async function release(claimed: AsyncDisposable | undefined): Promise<undefined> {
  await claimed?.[Symbol.asyncDispose]()
}
