import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { mkdtemp, open, readFile, rm, stat, symlink } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { diskIo, diskSyncIo } from '../../storage/io.ts'

/** What a call reads or writes at most: the kernel may always do less than it was asked for. */
const PIECE = 7

const content = randomBytes(100)

async function newPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-io-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'file')
}

/** Makes a function of node's do only a piece of what is asked for. */
function shorten(t: TestContext, name: 'read' | 'write' | 'readSync' | 'writeSync'): void {
  const whole = fs[name] as (...given: unknown[]) => unknown
  t.mock.method(fs, name, (fd: number, bytes: Uint8Array, offset: number, length: number, ...rest: unknown[]) =>
    whole(fd, bytes, offset, Math.min(length, PIECE), ...rest),
  )
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
}

test('a file is written and read whole, though each call does only a part of it', async (t) => {
  const path = await newPath(t)
  const handle = await open(path, 'w')
  const handles = Object.getPrototypeOf(handle) as typeof handle
  await handle.close()
  const write = Reflect.get(handles, 'write') as (...given: unknown[]) => unknown
  t.mock.method(
    handles,
    'write',
    function (this: unknown, bytes: Uint8Array, offset: number, length: number, at: number) {
      return write.call(this, bytes, offset, Math.min(length, PIECE), at)
    },
  )
  shorten(t, 'read')
  await rm(path)
  const file = await diskIo.create(path)
  await file.write(content, 0)
  await file.write(content, 50)
  const read = Buffer.alloc(200)
  assert.equal(await file.read(read, 10), 140)
  await file.close()
  const expected = Buffer.concat([content.subarray(0, 50), content])
  assert.ok(read.subarray(0, 140).equals(expected.subarray(10)))
  assert.ok((await readFile(path)).equals(expected))
})

test('the same for who blocks', async (t) => {
  const path = await newPath(t)
  for (const name of ['readSync', 'writeSync', 'write'] as const) shorten(t, name)
  const descriptor = diskSyncIo.create(path)
  diskSyncIo.append(descriptor, content)
  await diskSyncIo.appendBeside(descriptor, content)
  diskSyncIo.close(descriptor)
  const reading = diskSyncIo.open(path)
  const read = Buffer.alloc(300)
  assert.equal(diskSyncIo.read(reading, read, 0), 200)
  diskSyncIo.close(reading)
  assert.ok(read.subarray(0, 200).equals(Buffer.concat([content, content])))
})

test('a name is given once, by whoever comes first, and whose it is not keeps its file', async (t) => {
  const path = await newPath(t)
  for (const [name, isFirst] of [
    ['one', true],
    ['other', false],
  ] as const) {
    const file = await diskIo.create(path + name)
    await file.write(Buffer.from(name), 0)
    await file.close()
    assert.equal(await diskIo.nameIfFree(path + name, path), isFirst)
    assert.equal(await diskIo.size(path + name), isFirst ? undefined : name.length)
    assert.equal(await readFile(path, 'utf8'), 'one')
  }
})

test('a folder is made with those above it, by many at once, and one that is there is left as it is', async (t) => {
  const path = await newPath(t)
  await Promise.all(Array.from({ length: 10 }, () => diskIo.makeFolder(join(path, 'a', 'b'))))
  const { ino } = await stat(join(path, 'a', 'b'))
  await symlink(path, `${path}-link`)
  await diskIo.makeFolder(join(`${path}-link`, 'a', 'b'))
  assert.equal((await stat(join(path, 'a', 'b'))).ino, ino)
})

test('a folder that cannot be made is an error, and not waited for', async (t) => {
  if (process.platform === 'win32') return t.skip('links need a privilege there, and errors have other names')
  const path = await newPath(t)
  await (await open(path, 'w')).close()
  await symlink(`${path}-loop`, `${path}-loop`)
  await symlink(`${path}-nothing`, `${path}-dangling`)
  const odd = [
    [path, 'EEXIST'],
    [join(path, 'below'), 'ENOTDIR'],
    [join(`${path}-loop`, 'below'), 'ELOOP'],
    [`${path}-dangling`, 'EEXIST'],
    [join(path, '..', 'x'.repeat(300)), 'ENAMETOOLONG'],
  ] as const
  for (const [folder, code] of odd) await assert.rejects(diskIo.makeFolder(folder), { code })
  // There is nothing of these names, and none can be made; node's recursive mkdir never comes to an end.
  if (process.platform !== 'linux') return
  for (const folder of ['/proc/none', '/proc/none/below']) {
    await assert.rejects(diskIo.makeFolder(folder), { code: 'ENOENT', path: '/proc/none' })
  }
})
