import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type ProcessLock, takeProcessLock } from '../../../storage/catalog/process-lock.ts'

async function newPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-lock-'))
  t.after(() => rm(folder, { recursive: true }))
  // What means something in a URL must not in a path.
  return join(folder, 'a %20 b?mode=ro#c.lock')
}

function take(path: string, create: boolean): ProcessLock {
  const lock = takeProcessLock(path, { create })
  assert(typeof lock !== 'string')
  return lock
}

test('one holder at a time, and the next once it is released', async (t) => {
  const path = await newPath(t)
  const lock = take(path, true)
  assert.equal(takeProcessLock(path, { create: true }), 'held')
  assert.equal(takeProcessLock(path, { create: false }), 'held')
  lock.release()
  lock.release()
  take(path, false).release()
})

test('a lock that nobody made is absent, and is not made by asking', async (t) => {
  const path = await newPath(t)
  assert.equal(takeProcessLock(path, { create: false }), 'absent')
  await assert.rejects(stat(path), { code: 'ENOENT' })
})

test('the lock file stays empty and alone', async (t) => {
  const path = await newPath(t)
  const lock = take(path, true)
  assert.equal((await stat(path)).size, 0)
  assert.equal((await readdir(join(path, '..'))).length, 1)
  lock.release()
})

test('a lock in a folder that is not there is an error', async (t) => {
  const path = await newPath(t)
  assert.throws(() => takeProcessLock(join(path, 'x'), { create: true }), { code: 'ERR_SQLITE_ERROR' })
})
