import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { findBundledPips, type BundledPip } from '../support/bundled-pips.ts'
import { run } from '../support/process.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

// The second is found only by reading the metadata of the first.
const recipes: WheelRecipe[] = [
  {
    name: 'greeter',
    version: '1.0',
    metadata: ['Requires-Dist: hello-words>=2'],
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
        assert.equal(await installAndRun(pip, arbor.index), 'hello\n')
        await upstream.stop()
        assert.equal(await installAndRun(pip, arbor.index), 'hello\n')
      })
    }
  },
)

async function installAndRun({ python, wheel }: BundledPip, index: string): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'arbor-pip-'))
  try {
    const env = { HOME: cwd, TMPDIR: cwd, PATH: process.env['PATH'] ?? '', PIP_CONFIG_FILE: '/dev/null' }
    const args = [
      'install',
      '--disable-pip-version-check',
      '--no-cache-dir',
      '--target',
      'site',
      '-i',
      index,
      'greeter',
    ]
    await run(python, ['-m', 'pip', ...args], { cwd, env: { ...env, PYTHONPATH: wheel } })
    return await run(python, ['-c', 'import greeter'], { cwd, env: { ...env, PYTHONPATH: 'site' } })
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}
