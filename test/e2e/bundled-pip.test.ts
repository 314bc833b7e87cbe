import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { findBundledPips, type BundledPip } from '../support/bundled-pips.ts'
import { run } from '../support/process.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

// The second is found only by reading the metadata of the first. Both are asked for by other spellings than their metadata has.
const recipes: WheelRecipe[] = [
  {
    name: 'greeter',
    version: '1.0',
    metadata: ['Requires-Dist: Hello_Words>=2'],
    files: { 'greeter.py': 'import words\n' },
  },
  {
    name: 'hello-words',
    version: '2.0',
    metadata: ['Requires-Python: >=3.6'],
    files: { 'words.py': 'print("hello")\n' },
  },
]

const pips = await findBundledPips()

suite(
  'the pip that a Python carries',
  { skip: pips.length === 0 && 'no Python with ensurepip', concurrency: 2 },
  () => {
    for (const pip of pips) {
      test(`pip ${pip.version} installs through Arbor, and again with the upstream gone`, async () => {
        const distributions = recipes.map((recipe) => distributionOf(wheelFilename(recipe), makeWheel(recipe)))
        await using upstream = await startUpstream({ distributions: await Promise.all(distributions) })
        await using arbor = await startArbor({ upstream: upstream.url })
        await using folder = await mkdtempDisposable(join(tmpdir(), 'arbor-bundled-'))
        await unpack(pip, folder.path)
        assert.equal(await installAndRun(pip.python, folder.path, arbor.index), 'hello\n')
        await upstream.stop()
        assert.equal(await installAndRun(pip.python, folder.path, arbor.index), 'hello\n')
      })
    }
  },
)

/** Out of its wheel, where it would be compiled for each run. */
async function unpack({ python, wheel }: BundledPip, folder: string): Promise<void> {
  await run(python, ['-m', 'zipfile', '-e', wheel, folder], { cwd: folder, env: { PATH: process.env['PATH'] ?? '' } })
}

async function installAndRun(python: string, pipFolder: string, index: string): Promise<string> {
  await using place = await mkdtempDisposable(join(tmpdir(), 'arbor-pip-'))
  const cwd = place.path
  const env = { HOME: cwd, TMPDIR: cwd, PATH: process.env['PATH'] ?? '', PIP_CONFIG_FILE: '/dev/null' }
  const options = ['--disable-pip-version-check', '--no-cache-dir', '--target', 'site', '-i', index]
  await run(python, ['-m', 'pip', 'install', ...options, 'Greeter'], { cwd, env: { ...env, PYTHONPATH: pipFolder } })
  return await run(python, ['-c', 'import greeter'], { cwd, env: { ...env, PYTHONPATH: 'site' } })
}
