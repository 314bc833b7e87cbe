import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Header, Pax } from 'tar'
import { type TarEntry, tarHeader, tarHeaderLength } from '../../../storage/tar/tar-header.ts'

function entryOf(path: string, isDirectory = false): TarEntry {
  return { path, size: 0, isDirectory, isExecutable: false }
}

/** What the library makes of the whole path. */
function encode({ path, isDirectory }: TarEntry): Buffer {
  const name = isDirectory ? `${path}/` : path
  const mtime = new Date('1980-01-01T00:00:00Z')
  const type = isDirectory ? 'Directory' : 'File'
  const block = Buffer.alloc(512)
  const header = new Header({ path: name, size: 0, mode: isDirectory ? 0o755 : 0o644, uid: 0, gid: 0, mtime, type })
  return header.encode(block) ? Buffer.concat([new Pax({ path: name, size: 0 }).encode(), block]) : block
}

test("the header of a long path is the library's", () => {
  for (let length = 240; length < 420; length += 1) {
    for (const component of [
      'n',
      'nn',
      'a'.repeat(77),
      'ü'.repeat(99),
      'a'.repeat(155),
      'b'.repeat(156),
      'c'.repeat(255),
    ]) {
      const path = `${component}/`.repeat(length).slice(0, length).replace(/\/$/, 'z')
      for (const entry of [entryOf(path), entryOf(path, true)]) {
        assert.ok(tarHeader(entry).equals(encode(entry)), path)
        assert.equal(tarHeaderLength(entry), tarHeader(entry).length, path)
      }
    }
  }
})

test('a path of thousands of components takes no longer than its bytes do', () => {
  const before = process.cpuUsage()
  for (let count = 0; count < 100; count += 1) {
    const entry = entryOf(`${count}${'/a'.repeat(2000)}`)
    assert.equal(tarHeader(entry).length, tarHeaderLength(entry))
  }
  const { user } = process.cpuUsage(before)
  assert.ok(user < 1_000_000, `${user / 1000} ms; if all of each path is cut at each place, seconds`)
})
