import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const limitTo = (descriptors: number): string[] => ['prlimit', `--nofile=${descriptors}:${descriptors}`]
const skip = spawnSync('prlimit', ['--version']).error === undefined ? false : 'there is no prlimit'

test('too few descriptors fail requests, and not the server', { skip }, async () => {
  const recipes = Array.from({ length: 30 }, (_, n) => ({ name: `few${n}`, version: '1' }))
  const distributions = await Promise.all(
    recipes.map((recipe) =>
      distributionOf(wheelFilename(recipe), makeWheel({ ...recipe, files: { [recipe.name]: '' } })),
    ),
  )
  await using upstream = await startUpstream({ distributions })
  await using arbor = await startArbor({ upstream: upstream.url, by: limitTo(128) })
  const paths = distributions.map(({ sha256, filename }) => `/files/main/${sha256}/${filename}`)
  // Some are refused, and connections that find no descriptor are broken.
  const storm = [...paths, ...paths, ...paths].map((path) => ask(arbor.url, path))
  await Promise.allSettled(storm)
  for (const path of paths) assert.equal((await ask(arbor.url, path)).status, 200, arbor.output.slice(-3000))
})

test('descriptors of files that nobody reads just now do not keep clients out', { skip }, async (t) => {
  const recipes = Array.from({ length: 250 }, (_, n) => ({ name: `kept${n}`, version: '1' }))
  const distributions = await Promise.all(
    recipes.map((recipe) => distributionOf(wheelFilename(recipe), makeWheel({ ...recipe, files: { kept: '' } }))),
  )
  await using upstream = await startUpstream({ distributions })
  const folder = await mkdtemp(join(tmpdir(), 'arbor-kept-'))
  t.after(() => rm(folder, { recursive: true }))
  const config = join(folder, 'arbor.toml')
  // Nearly nothing fits into memory: all is read from its file.
  await writeFile(config, '[memory]\nfiles = "1KiB"\n')
  await using arbor = await startArbor({ upstream: upstream.url, by: limitTo(256), env: { ARBOR_CONFIG: config } })
  const paths = distributions.map(({ sha256, filename }) => `/files/main/${sha256}/${filename}`)
  for (const path of paths) assert.equal((await ask(arbor.url, path)).status, 200)
  const waiting = [...paths, ...paths].values()
  const read = async (): Promise<void> => {
    for (const path of waiting) assert.equal((await ask(arbor.url, path)).status, 200)
  }
  await Promise.all(Array.from({ length: 30 }, read))
  assert.match(arbor.output, /few files may be open at once/)
})
