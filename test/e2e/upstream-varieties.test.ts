import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Config } from '../../server/config.ts'
import { findClients, type Clients } from '../support/clients.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { assertInstalledAsServed } from '../support/installed-trees.ts'
import { lockingInstallers, writeProject } from '../support/installers.ts'
import { JSON_TYPE } from '../support/upstream/pages.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Distribution, distributionOf } from '../support/upstream/distribution.ts'
import type { Quirks } from '../support/upstream/quirks.ts'
import { Workplace } from '../support/workplace.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const { clients, skip } = await findClients()
const isLong = process.env['ARBOR_LONG'] === '1'

const recipes: readonly WheelRecipe[] = [
  { name: 'tool', version: '1.0', files: { 'tool/__init__.py': 'import lib\n' }, metadata: ['Requires-Dist: lib>=1'] },
  // More than what is read of its end for its metadata.
  { name: 'lib', version: '1.0', files: { 'lib/__init__.py': '', 'lib/noise.bin': randomBytes(150_000) } },
  { name: 'lib', version: '0.9', files: { 'lib/__init__.py': 'too old = 1\n' } },
]

/** Once; only `lib` is as large. */
const TRUNCATED = { truncateAt: 50_000, faultyResponses: 1 } as const

interface ListedJson {
  readonly filename: string
  readonly url: string
  readonly 'core-metadata'?: boolean | Record<string, string>
}

interface Variety {
  readonly name: string
  readonly quirks: Partial<Quirks>
  readonly notFoundStatuses?: readonly number[]
}

/** What upstreams do that a perfect one would not. Locking installers run against those that concern them. */
const varieties: readonly (Variety & { readonly locking?: true })[] = [
  { name: 'HTML only', quirks: { htmlOnly: true } },
  { name: 'no hashes', quirks: { noHashes: true }, locking: true },
  { name: 'no hashes, and HTML only', quirks: { noHashes: true, htmlOnly: true } },
  { name: 'no metadata', quirks: { metadata: 'unlisted' } },
  { name: 'no metadata, and no ranges', quirks: { metadata: 'unlisted', ranges: 'absent' } },
  { name: 'promised metadata that is missing', quirks: { metadata: 'missing' } },
  { name: 'metadata that has another hash', quirks: { metadata: 'mismatched' }, locking: true },
  { name: 'metadata that is not that of the wheel', quirks: { metadata: 'false' } },
  { name: 'relative links', quirks: { links: 'relative', htmlOnly: true } },
  { name: 'root-relative links', quirks: { links: 'root-relative', htmlOnly: true } },
  { name: '<base> links', quirks: { links: 'base', htmlOnly: true }, locking: true },
  {
    name: '403 for what is missing',
    quirks: { missingStatus: 403, metadata: 'missing' },
    notFoundStatuses: [403],
  },
  { name: 'files that redirect to another port', quirks: { redirectFiles: true } },
  { name: 'no ranges, though promised', quirks: { ranges: 'ignored' } },
  { name: 'files without a length', quirks: { chunked: true } },
  { name: 'slow', quirks: { latencyMs: 40, bytesPerSecond: 300_000 } },
  { name: 'truncated at first', quirks: TRUNCATED, locking: true },
  { name: 'truncated at first, and without ranges', quirks: { ...TRUNCATED, ranges: 'absent', metadata: 'unlisted' } },
  { name: 'truncated at first, and without a length', quirks: { ...TRUNCATED, chunked: true } },
  { name: 'truncated at first, and without hashes', quirks: { ...TRUNCATED, noHashes: true } },
]

/** Installs `tool` with what it needs, on a machine that has nothing yet, and returns the environment. */
type Install = (place: Workplace, index: string) => Promise<string>

const installs: Readonly<Record<string, Install>> = {
  async uv(place, index) {
    const environment = join(place.folder, 'environment')
    const { uv, basePython } = clients as Clients
    const args = ['pip', 'install', '--default-index', index, '--prefix', environment, '--python', basePython, 'tool']
    await place.run('/usr/bin/env', ['UV_HTTP_RETRIES=0', uv, ...args])
    return environment
  },
  async pip(place, index) {
    const environment = join(place.folder, 'environment')
    const once = ['--retries', '0', '--resume-retries', '0']
    await place.pip(['install', '-i', index, ...once, '--prefix', environment, '--ignore-installed', 'tool'])
    return environment
  },
  ...Object.fromEntries(
    lockingInstallers
      .filter(({ name }) => name !== 'uv')
      .map((installer) => [
        installer.name,
        async (place: Workplace, index: string) => {
          const environment = await place.makeEnvironment('environment')
          await writeProject(place, installer, index, ['tool'])
          await installer.lock(place, environment)
          await installer.install(place, environment)
          return environment
        },
      ]),
  ),
}

suite('through Arbor, cold, and then warm with the upstream gone', { concurrency: 2 }, () => {
  for (const [client, install] of Object.entries(installs)) {
    for (const variety of varieties) {
      if (!isLong && !['uv', 'pip'].includes(client) && variety.locking !== true) continue
      test(`${client} installs from an upstream with ${variety.name}`, { skip }, async () => {
        await using upstream = await startVariety(variety)
        await using arbor = await serveVariety(variety, upstream)
        for (const round of ['cold', 'warm']) {
          await using place = await Workplace.open(clients as Clients)
          const environment = await install(place, `${arbor.url}/simple/`)
          const compared = await assertInstalledAsServed(arbor.url, environment)
          assert.equal(compared.wheels, 2, round)
          await assertStored(arbor, upstream)
          if (round === 'cold') await assertHonest(arbor)
          await upstream.stop()
        }
        if (variety.quirks.truncateAt !== undefined) {
          assert.ok(upstream.requests.some(({ path, bytesSent }) => /lib-1.0.*whl$/.test(path) && bytesSent === 50_000))
        }
      })
    }
  }

  for (const client of ['uv', 'pip']) {
    test(
      `${client} says that it failed where an upstream always truncates; nothing is installed or stored`,
      { skip },
      async () => {
        const variety = { name: 'truncated', quirks: { ranges: 'absent', truncateAt: 50_000 } } as const
        await using upstream = await startVariety(variety)
        await using arbor = await serveVariety(variety, upstream)
        await using place = await Workplace.open(clients as Clients)
        await assert.rejects(installs[client]!(place, `${arbor.url}/simple/`), /lib/)
        const left = await readdir(join(place.folder, 'environment'), { recursive: true }).catch(() => [])
        assert.deepEqual(
          left.filter((path) => /(tool|lib)[/-]/.test(path.replace(/^lib\//, ''))),
          [],
        )
        const lib = upstream.distributions.get('lib-1.0-py3-none-any.whl')
        assert.equal((await fetch(`${arbor.url}/lookup/sha256:${lib?.sha256}`)).status, 404)
        assert.deepEqual(await arbor.staged(), [])
      },
    )
  }
})

async function startVariety({ quirks }: Variety): Promise<Upstream> {
  return startUpstream({ distributions: await Promise.all(recipes.map(wheelOf)), quirks })
}

function wheelOf(recipe: WheelRecipe): Promise<Distribution> {
  return distributionOf(wheelFilename(recipe), makeWheel(recipe))
}

function serveVariety({ notFoundStatuses = [] }: Variety, upstream: Upstream): Promise<InProcessArbor> {
  const adjust = (config: Config): Config => ({
    ...config,
    indexes: config.indexes.map((index) => ({ ...index, notFoundStatuses })),
    upstream: { ...config.upstream, retries: 1 },
  })
  return serveArbor({ upstream, adjust })
}

/** The upstream's very bytes. */
async function assertStored(arbor: InProcessArbor, upstream: Upstream): Promise<void> {
  for (const filename of ['tool-1.0-py3-none-any.whl', 'lib-1.0-py3-none-any.whl']) {
    const sha256 = upstream.distributions.get(filename)?.sha256
    assert.equal((await fetch(`${arbor.url}/lookup/sha256:${sha256}`)).status, 200, filename)
  }
}

/** What is missing is missing, and what pages promise is there (B8). */
async function assertHonest({ url }: InProcessArbor): Promise<void> {
  assert.equal((await fetch(`${url}/simple/absent/`)).status, 404)
  for (const project of ['tool', 'lib']) {
    const page = `${url}/simple/${project}/`
    const { files } = (await (await fetch(page, { headers: { accept: JSON_TYPE } })).json()) as { files: ListedJson[] }
    for (const file of files) {
      const promised = file['core-metadata'] ?? false
      if (promised === false) continue
      const response = await fetch(new URL(`${file.url}.metadata`, page))
      assert.equal(response.status, 200, file.filename)
      const sha256 = createHash('sha256')
        .update(await response.text())
        .digest('hex')
      if (promised !== true) assert.deepEqual(promised, { sha256 }, file.filename)
    }
  }
}
