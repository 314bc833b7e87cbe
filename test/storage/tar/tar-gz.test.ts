import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gunzipSync } from 'node:zlib'
import { type Archive, openArchive } from '../../../storage/archive/archive.ts'
import type { OpenBlob } from '../../../storage/blobs/blob-store.ts'
import { hashBlake3, hashSha256 } from '../../../storage/digest.ts'
import { diskSyncIo } from '../../../storage/io.ts'
import { readLayout } from '../../../storage/tar/read-layout.ts'
import { layOutGzip, layOutTarGz, type TarGzLayout } from '../../../storage/tar/tar-gz-layout.ts'
import { compareUtf8, parseTreePath } from '../../../storage/tree-path.ts'
import { sharedFolder } from '../../support/paths.ts'
import { writeZip } from '../../support/zip-writer.ts'

const LONG = `deep/${'n'.repeat(120)}/${'ü'.repeat(60)}.txt`
const files: Readonly<Record<string, Buffer>> = {
  'a/__init__.py': Buffer.alloc(0),
  'a/stored.bin': Buffer.alloc(200_000, 'stored '),
  'a/deflated.txt': Buffer.alloc(300_000, 'deflated '),
  'bin/run': Buffer.from('#!/bin/sh\n'),
  [LONG]: Buffer.from('a long name'),
}

const wheel = writeZip([
  ...Object.entries(files).map(([name, content]) => ({
    name,
    content,
    method: name.includes('stored') ? 0 : 8,
    mode: name === 'bin/run' ? 0o100755 : 0o100644,
  })),
  { name: 'empty/', content: Buffer.alloc(0), method: 0 },
])

interface Laid {
  readonly archive: Archive
  readonly layout: TarGzLayout
  readonly blob: OpenBlob
  readonly read: (first?: number, last?: number) => Promise<Buffer>
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-tar-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

async function layOut(t: TestContext, path: string): Promise<Laid> {
  const archive = openArchive(diskSyncIo, path)
  const layout = layOutTarGz(archive.members)
  const descriptor = diskSyncIo.open(path)
  t.after(() => {
    archive.close()
    diskSyncIo.close(descriptor)
  })
  const blob: OpenBlob = {
    blake3: hashBlake3(wheel),
    size: diskSyncIo.size(descriptor),
    read: (buffer, position) => Promise.resolve(diskSyncIo.read(descriptor, buffer, position)),
    stamp: () => assert.fail('nobody asks'),
    close() {},
  }
  return {
    archive,
    layout,
    blob,
    read: async (first = 0, last = layout.size - 1) => {
      const chunks: Buffer[] = []
      for await (const chunk of readLayout(layout, blob, { first, last })) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    },
  }
}

const UNPACKERS: readonly (readonly [
  name: string,
  command: string,
  args: (archive: string, to: string) => string[],
])[] = [
  ['GNU tar', 'tar', (archive, to) => ['-xzf', archive, '-C', to]],
  ['bsdtar', 'bsdtar', (archive, to) => ['-xzf', archive, '-C', to]],
  ['busybox', 'busybox', (archive, to) => ['tar', '-xzf', archive, '-C', to]],
  ["Python's tarfile", 'python3', (archive, to) => ['-m', 'tarfile', '-e', archive, to]],
]

for (const [name, command, args] of UNPACKERS) {
  const isThere = isOnPath(command)
  test(
    `${name} unpacks the archive to the files of the wheel`,
    { skip: isThere ? false : `${command} is not installed` },
    async (t) => {
      const folder = await temporary(t)
      await writeFile(join(folder, 'wheel'), wheel)
      const { layout, read } = await layOut(t, join(folder, 'wheel'))
      const archive = await read()
      assert.equal(archive.length, layout.size)
      await writeFile(join(folder, 'tree.tar.gz'), archive)
      const to = await mkdtemp(join(folder, 'to-'))
      execFileSync(command, args(join(folder, 'tree.tar.gz'), to), { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
      for (const [path, content] of Object.entries(files))
        assert.ok(content.equals(await readFile(join(to, path))), path)
      assert.equal((await stat(join(to, 'bin/run'))).mode & 0o111, 0o111)
      assert.equal((await stat(join(to, 'a/stored.bin'))).mode & 0o111, 0)
      assert.deepEqual(await readdir(join(to, 'empty')), [])
    },
  )
}

test('what is not of the wheel stays the same for ever: the tag says so', async (t) => {
  const folder = await temporary(t)
  await writeFile(join(folder, 'wheel'), wheel)
  const { layout } = await layOut(t, join(folder, 'wheel'))
  assert.equal(
    hashSha256(layout.made),
    '768b836bbb7a22aae8a19506229b47723d169aa738133ade72e1ccaae9473f17',
    'Other bytes need another FORMAT in storage/tar/wheel-layouts.ts.',
  )
})

test('any range is the same bytes as in the whole', async (t) => {
  const folder = await temporary(t)
  await writeFile(join(folder, 'wheel'), wheel)
  const { layout, read } = await layOut(t, join(folder, 'wheel'))
  const whole = await read()
  for (let first = 0; first < layout.size; first += 997) {
    const last = Math.min(layout.size - 1, first + ((first * 31) % 5000))
    assert.deepEqual(await read(first, last), whole.subarray(first, last + 1))
  }
})

test('one file is a gzip of its own, in the order of the manifest; what is stored uncompressed is none', async (t) => {
  const folder = await temporary(t)
  await writeFile(join(folder, 'wheel'), wheel)
  const { layout, blob } = await layOut(t, join(folder, 'wheel'))
  const paths = Object.keys(files).toSorted(compareUtf8)
  assert.equal(layout.files.length, 3 * paths.length)
  for (const [index, path] of paths.entries()) {
    const content = files[path] ?? Buffer.alloc(0)
    const gzip = layOutGzip(layout, index, content.length)
    assert.equal(gzip === undefined, path === 'a/stored.bin', path)
    if (gzip === undefined) continue
    const chunks: Uint8Array[] = []
    for await (const chunk of readLayout(gzip, blob, { first: 0, last: gzip.size - 1 })) chunks.push(Buffer.from(chunk))
    assert.ok(gunzipSync(Buffer.concat(chunks)).equals(content), path)
  }
})

test('a wheel that became shorter breaks the archive off', async (t) => {
  const folder = await temporary(t)
  await writeFile(join(folder, 'wheel'), wheel)
  const { read } = await layOut(t, join(folder, 'wheel'))
  await writeFile(join(folder, 'wheel'), wheel.subarray(0, 100))
  await assert.rejects(read(), { code: 'ERR_BLOB_DAMAGED' })
})

const real = join(sharedFolder, 'wheels')
test(
  'the archive of a real wheel has its files, byte for byte',
  { skip: existsSync(real) ? false : 'no ../shared/wheels' },
  async (t) => {
    const names = (await readdir(real)).filter((name) => /^(tomli|black|pygments|tzdata).*\.whl$/.test(name))
    for (const name of names) {
      const { archive, read } = await layOut(t, join(real, name))
      const unpacked = gunzipSync(await read())
      const sizes = archive.members.reduce((sum, { size }) => sum + 512 + Math.ceil(size / 512) * 512, 1024)
      assert.ok(unpacked.length >= sizes, name)
      assert.equal(unpacked.length % 512, 0)
    }
  },
)

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, command)))
}

test('while a wheel of many files is laid out, little is kept beside the layout', (t) => {
  setFlagsFromString('--expose-gc')
  t.after(() => setFlagsFromString('--no-expose-gc'))
  const collectGarbage = runInNewContext('gc') as () => void
  const before = process.memoryUsage().arrayBuffers
  let kept = 0
  const members = Array.from({ length: 5000 }, (_, n) => ({
    path: parseTreePath(`package/module_${n}.py`),
    isDirectory: false,
    isExecutable: false,
    method: 8,
    crc32: n,
    size: 10,
    dataOffset: 50 * n,
    get compressedSize() {
      if (n === 4999 && kept === 0) {
        collectGarbage()
        kept = process.memoryUsage().arrayBuffers - before
      }
      return 12
    },
  }))
  const { made } = layOutTarGz(members)
  assert.ok(kept < 4 * made.length, `${kept} bytes for ${made.length}`)
})
