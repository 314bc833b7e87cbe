import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { BlobStore } from '../../storage/blobs/blob-store.ts'
import { readBlob } from '../../storage/blobs/read-blob.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { diskIo } from '../../storage/io.ts'
import { listAll, openFilesUnder, readWhole, stageFile } from '../contract/blob-store.ts'
import { createDiskFixture } from '../storage/blobs/disk-fixture.ts'
import { type Errno, type Fault, FaultyIo, walkFaults } from './faulty-io.ts'

const ERRNOS: readonly Errno[] = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'EROFS']
const NEVER = new AbortController().signal
/** Two in one folder of the store, one in another: 2f, 2f, af. */
const CONTENTS = contentsIn(['2f', '2f', 'af'])

/** Some content for each wanted first byte of its digest. */
function contentsIn(prefixes: readonly string[]): Buffer[] {
  let count = 0
  return prefixes.map((prefix) => {
    for (;;) {
      const content = Buffer.from(`content ${(count += 1)}`)
      if (hashBlake3(content).startsWith(prefix)) return content
    }
  })
}

/**
 * Runs `operate` in a fresh store whose disk fails as told from that moment; then, on a disk that works again, nothing may be left but whole
 * blobs, and the operation must succeed when it is repeated.
 */
async function runWithFault(
  fault: Fault,
  prepare: (store: BlobStore) => Promise<void>,
  operate: (store: BlobStore) => Promise<void>,
): Promise<{ steps: number }> {
  const io = new FaultyIo(diskIo)
  const fixture = await createDiskFixture({ io })
  try {
    const store = await fixture.open()
    await prepare(store)
    io.arm(fault)
    const outcome = await operate(store).then(
      () => undefined,
      (error: unknown) => error,
    )
    const { steps, hits } = io
    io.arm()
    if (outcome !== undefined) {
      assert(hits > 0, 'an operation fails only if the disk did')
      assertCode(outcome, fault.errno)
    }
    for (const blake3 of await listAll(store)) {
      const content = await readWhole(store, blake3)
      assert.equal(content && hashBlake3(content), blake3, 'what has a name is whole')
    }
    await operate(store)
    await store.close()
    assert.deepEqual(await fixture.staged(), [])
    assert.equal(io.openFiles, 0)
    assert.deepEqual(await openFilesUnder(fixture.folder), [])
    return { steps }
  } finally {
    await fixture.remove()
  }
}

function assertCode(error: unknown, errno: Errno): void {
  assert(error instanceof Error && 'code' in error)
  const isFull = ['ENOSPC', 'EDQUOT', 'EROFS'].includes(errno)
  // A file that cannot be read is as good as a damaged one.
  if (errno === 'EIO' && error.code === 'ERR_BLOB_DAMAGED') return
  assert.equal(error.code, isFull ? 'ERR_STORE_FULL' : errno)
  if (isFull) assert.equal((error.cause as NodeJS.ErrnoException).code, errno)
}

const nothing = async (): Promise<void> => {}

test('adopting: each file is a blob or still staged, whatever step fails', async () => {
  const runs = await walkFaults(ERRNOS, (fault) =>
    runWithFault(fault, nothing, async (store) => {
      const files = await Promise.all(CONTENTS.map((content) => stageFile(store, content)))
      try {
        await store.adopt(files)
        for (const { blake3 } of files) assert((await store.localPath(blake3)) !== undefined)
      } catch (error) {
        // As its caller does; where that fails too, closing removes them.
        await Promise.allSettled(files.map(({ path }) => store.discard(path)))
        throw error
      }
    }),
  )
  assert(runs > 100)
})

test('opening and reading: no descriptor stays open, whatever step fails', async () => {
  const contents = [randomBytes(10), randomBytes(2_500_000)]
  await walkFaults(['EIO', 'EMFILE'], (fault) =>
    runWithFault(
      fault,
      async (store) => store.adopt(await Promise.all(contents.map((content) => stageFile(store, content)))),
      async (store) => {
        for (const content of contents) {
          const blob = await store.open(hashBlake3(content))
          assert(blob !== undefined)
          let count = 0
          for await (const chunk of await readBlob(blob, { first: 0, last: content.length - 1 }, NEVER)) {
            count += chunk.length
          }
          assert.equal(count, content.length)
        }
      },
    ),
  )
})

test('removing: the rest goes although one cannot, and none is served that went', async () => {
  await walkFaults(ERRNOS, (fault) =>
    runWithFault(
      fault,
      async (store) => {
        const files = await Promise.all(CONTENTS.map((content) => stageFile(store, content)))
        await store.adopt(files)
        for (const { blake3 } of files) await readWhole(store, blake3)
      },
      async (store) => {
        const blake3s = CONTENTS.map((content) => hashBlake3(content))
        try {
          await store.remove(blake3s)
        } catch (error) {
          if (fault.errno !== 'EIO' && fault.errno !== 'EROFS') throw error
          assert(fault.isLasting === true || (await listAll(store)).size === 1, 'the others went')
          throw error
        }
        for (const blake3 of blake3s) assert.equal(await store.open(blake3), undefined)
      },
    ),
  )
})

test('listing: fails as a whole, never short', async () => {
  await walkFaults(['EIO', 'EMFILE'], (fault) =>
    runWithFault(
      fault,
      async (store) => store.adopt(await Promise.all(CONTENTS.map((content) => stageFile(store, content)))),
      async (store) => assert.equal((await listAll(store)).size, CONTENTS.length),
    ),
  )
})

test('opening a store: whatever step fails, the next opening finds no debris', async () => {
  await walkFaults(ERRNOS, async (fault) => {
    const io = new FaultyIo(diskIo)
    const fixture = await createDiskFixture({ io })
    try {
      io.arm(fault)
      const outcome = await fixture.open().then(
        (store) => store.close().catch((error: unknown) => error),
        (error: unknown) => error,
      )
      const { steps } = io
      io.arm()
      if (outcome !== undefined) assertCode(outcome, fault.errno)
      const store = await fixture.open()
      await store.close()
      assert.deepEqual(await fixture.staged(), [])
      assert.deepEqual(await openFilesUnder(fixture.folder), [])
      return { steps }
    } finally {
      await fixture.remove()
    }
  })
})
