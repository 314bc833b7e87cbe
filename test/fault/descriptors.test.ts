import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const LIMIT = ['prlimit', '--nofile=128:128']
const skip = spawnSync('prlimit', ['--version']).error === undefined ? false : 'there is no prlimit'

test('too few descriptors fail requests, and not the server', { skip }, async () => {
  const recipes = Array.from({ length: 30 }, (_, n) => ({ name: `few${n}`, version: '1' }))
  const distributions = await Promise.all(
    recipes.map((recipe) =>
      distributionOf(wheelFilename(recipe), makeWheel({ ...recipe, files: { [recipe.name]: '' } })),
    ),
  )
  await using upstream = await startUpstream({ distributions })
  await using arbor = await startArbor({ upstream: upstream.url, by: LIMIT })
  const paths = distributions.map(({ sha256, filename }) => `/files/main/${sha256}/${filename}`)
  // Some are refused, and connections that find no descriptor are broken.
  const storm = [...paths, ...paths, ...paths].map((path) => ask(arbor.url, path))
  await Promise.allSettled(storm)
  for (const path of paths) assert.equal((await ask(arbor.url, path)).status, 200, arbor.output.slice(-3000))
})
