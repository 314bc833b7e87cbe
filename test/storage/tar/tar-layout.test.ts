import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Header, type ReadEntry, Parser } from 'tar'
import { type Blake3, hashBlake3, hashSha256 } from '../../../storage/digest.ts'
import { TarLayout, type TarMember } from '../../../storage/tar/tar-layout.ts'

const LONG = `deep/${'n'.repeat(120)}/${'ü'.repeat(60)}.txt`
const FILES: Readonly<Record<string, Buffer>> = {
  'a/__init__.py': Buffer.alloc(0),
  'a/block.bin': Buffer.alloc(512, 'block'),
  'a/large.bin': Buffer.alloc(700_001, 'large '),
  'bin/run': Buffer.from('#!/bin/sh\n'),
  [LONG]: Buffer.from('a long name'),
  [`${'p'.repeat(60)}/${'q'.repeat(60)}`]: Buffer.from('fits into a prefix'),
  größe: Buffer.from('not ASCII'),
}
const contents = new Map<Blake3, Buffer>(Object.values(FILES).map((bytes) => [hashBlake3(bytes), bytes]))
const members: readonly TarMember[] = [
  ...Object.entries(FILES).map(([path, bytes]) => ({
    path,
    size: bytes.length,
    blake3: hashBlake3(bytes),
    isDirectory: false,
    isExecutable: path === 'bin/run',
  })),
  { path: 'empty/inner', size: 0, blake3: undefined, isDirectory: true, isExecutable: false },
]

/** A range of the tar, out of blobs in memory. */
function make(layout: TarLayout, first = 0, last = layout.size - 1): Buffer {
  const parts = [...layout.cut({ first, last })].map((part) =>
    part.kind === 'made'
      ? part.bytes
      : (contents.get(part.blake3) ?? Buffer.alloc(0)).subarray(part.offset, part.offset + part.length),
  )
  return Buffer.concat(parts)
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-tar-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

for (const [name, command, args] of [
  ['GNU tar', 'tar', (archive: string, to: string) => ['-xf', archive, '-C', to]],
  ['bsdtar', 'bsdtar', (archive: string, to: string) => ['-xf', archive, '-C', to]],
  ['busybox', 'busybox', (archive: string, to: string) => ['tar', '-xf', archive, '-C', to]],
  ["Python's tarfile", 'python3', (archive: string, to: string) => ['-m', 'tarfile', '-e', archive, to]],
] as const) {
  const isThere = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, command)))
  test(`${name} unpacks a tar to the files of the tree`, { skip: isThere ? false : `no ${command}` }, async (t) => {
    const folder = await temporary(t)
    const archive = join(folder, 'tree.tar')
    await writeFile(archive, make(new TarLayout(members)))
    const to = join(folder, 'to')
    await mkdir(to)
    execFileSync(command, args(archive, to), { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
    for (const [path, bytes] of Object.entries(FILES)) assert.ok(bytes.equals(await readFile(join(to, path))), path)
    assert.equal((await stat(join(to, 'bin/run'))).mode & 0o111, 0o111)
    assert.equal((await stat(join(to, 'a/block.bin'))).mode & 0o111, 0)
    assert.deepEqual(await readdir(join(to, 'empty/inner')), [])
  })
}

test('the length that is promised is the length that there is', () => {
  for (let count = 0; count <= members.length; count += 1) {
    const layout = new TarLayout(members.slice(0, count))
    assert.equal(make(layout).length, layout.size)
    assert.equal(layout.size % 512, 0)
  }
})

test('any range is the same bytes as in the whole', () => {
  const layout = new TarLayout(members)
  const whole = make(layout)
  for (let first = 0; first < layout.size; first += 211) {
    const last = Math.min(layout.size - 1, first + ((first * 31) % 3000))
    assert.ok(make(layout, first, last).equals(whole.subarray(first, last + 1)), `${first}-${last}`)
  }
  assert.ok(make(layout, layout.size - 1).equals(whole.subarray(-1)))
})

test('members come in the order in which they are given, with no owner, and one time for all', async () => {
  const entries: ReadEntry[] = []
  const onReadEntry = (entry: ReadEntry): void => {
    entries.push(entry)
    entry.resume()
  }
  const parser = new Parser({ onReadEntry })
  const ended = new Promise((resolve) => void parser.on('end', () => resolve(undefined)))
  parser.end(make(new TarLayout(members)))
  await ended
  assert.deepEqual(
    entries.map(({ path }) => path),
    members.map(({ path, isDirectory }) => (isDirectory ? `${path}/` : path)),
  )
  for (const { uid, gid, mtime } of entries) assert.deepEqual([uid, gid, mtime?.getUTCFullYear()], [0, 0, 1980])
})

test('the bytes stay the same for ever: their tag says so', () => {
  assert.equal(
    hashSha256(make(new TarLayout(members))),
    '1b74309e52469525ef826ecd0d65b57557081c7bc1de238f460a297d74a73bb1',
    'Other bytes need another FORMAT in storage/tar/tars.ts.',
  )
})

test('a name of any length, and a file beyond eight gigabytes, take as much room as their headers do', () => {
  for (let length = 90; length < 300; length += 1) {
    const long = {
      path: `x/${'n'.repeat(length)}`,
      size: 0,
      blake3: undefined,
      isDirectory: false,
      isExecutable: false,
    }
    const layout = new TarLayout([long])
    assert.equal([...layout.cut({ first: 0, last: layout.size - 1 })].reduce(sumMade, 0), layout.size)
  }
  const size = 9 * 1024 ** 3
  const layout = new TarLayout([{ ...members[1], path: 'huge', size } as TarMember])
  const made = [...layout.cut({ first: 0, last: layout.size - 1 })].reduce(sumMade, 0)
  assert.equal(made + size, layout.size)
  assert.equal(new Header(make(layout, layout.size - size - 1024 - 512, layout.size - size - 1025)).path, 'huge')
})

function sumMade(sum: number, part: { readonly kind: string; readonly bytes?: Uint8Array }): number {
  return sum + (part.bytes?.length ?? 0)
}
