import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { pinnedNode, repositoryFolder } from '../support/paths.ts'
import { run } from '../support/process.ts'

async function runDemo(path: string): Promise<string> {
  await using temporary = await mkdtempDisposable('arbor-demo-test-')
  const env = { PATH: path, HOME: temporary.path, TMPDIR: temporary.path }
  const output = await run(pinnedNode, ['test/support/demo.ts'], { cwd: repositoryFolder, env })
  const left = (await readdir(temporary.path)).filter((name) => name.startsWith('arbor-'))
  assert.deepEqual(left, [], 'nothing is left behind')
  return output
}

test('the demo runs to its end and leaves nothing', async () => {
  const output = await runDemo(process.env['PATH'] ?? '')
  assert.match(output, /"path": "greeter\/__main__\.py", "size": \d+, "blake3": "[0-9a-f]{64}"/)
  assert.match(output, /nothing is left of it/)
})

test('without curl, uv and pip the demo says so, and still runs to its end', async () => {
  await using tools = await mkdtempDisposable('arbor-demo-tools-')
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const tool of ['node', 'npm', 'sh', 'env']) {
    const folder = folders.find((candidate) => existsSync(join(candidate, tool)))
    assert.ok(folder, `${tool} is on the PATH`)
    await symlink(join(folder, tool), join(tools.path, tool))
  }
  const output = await runDemo(tools.path)
  assert.match(output, /Neither uv nor pip is on the PATH/)
  assert.match(output, /There is no curl on the PATH/)
  assert.match(output, /nothing is left of it/)
})

async function mkdtempDisposable(prefix: string): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
