import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system of its own takes a mount, which a process may have for itself on Linux: why not, or undefined. */
async function whyNot(): Promise<string | undefined> {
  try {
    await run('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'])
    return undefined
  } catch {
    return 'no file system can be mounted here'
  }
}

test('a prune works on a disk without a free byte, and a second one has nothing to do', async (t) => {
  const reason = await whyNot()
  if (reason !== undefined) return t.skip(reason)
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-full-'))
  t.after(() => rm(folder, { recursive: true }))
  const script = path.join(import.meta.dirname, 'prune-full-disk.ts')
  const command = 'mount -t tmpfs -o size=8m tmpfs "$1" && exec "$2" "$3" "$1"'
  const args = ['--user', '--map-root-user', '--mount', 'sh', '-c', command, 'sh', folder, process.execPath, script]
  const { stderr } = await run('unshare', args, { timeout: 60_000 })
  assert.equal(stderr, '')
})
