import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTextFile } from '../../server/text-file.ts'
import { diskIo } from '../../storage/io.ts'

test('a text is read as it is, without a byte order mark; an empty one, too; and none is none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-text-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [written, read] of [
    ['ü\n', 'ü\n'],
    ['\uFEFFx', 'x'],
    ['', ''],
  ] as const) {
    await writeFile(join(folder, 'file'), written)
    assert.equal(await readTextFile(diskIo, join(folder, 'file')), read)
  }
  assert.equal(await readTextFile(diskIo, join(folder, 'none')), undefined)
})

test('a pipe is an error that names it, not an empty text', async (t) => {
  if (process.platform === 'win32') return t.skip('there are no such pipes')
  const folder = await mkdtemp(join(tmpdir(), 'arbor-text-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const writer = spawn('sh', ['-c', 'echo text > "$0"', path], { stdio: 'ignore' })
  const ended = once(writer, 'close')
  await assert.rejects(readTextFile(diskIo, path), { code: 'ESPIPE', path })
  await ended
})
