import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { Config } from '../../server/config.ts'
import { parseIndexName } from '../../storage/names.ts'
import { findClients, type Clients } from '../support/clients.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { assertInstalledAsServed } from '../support/installed-trees.ts'
import { lockingInstallers, readLock, writeLock, writeProject } from '../support/installers.ts'
import { JSON_TYPE } from '../support/upstream/pages.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Distribution, distributionOf } from '../support/upstream/distribution.ts'
import type { Quirks } from '../support/upstream/quirks.ts'
import { openPythonForks, type PythonForks } from '../support/python-forks.ts'
import { PYTHON_CLIENTS, Workplace } from '../support/workplace.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const { clients, skip } = await findClients()
const isLong = process.env['ARBOR_LONG'] === '1'

/** Other bytes each time: Arbor would not fetch the same twice. */
function makeRecipes(): WheelRecipe[] {
  const id = randomBytes(8).toString('hex')
  const tool = { 'tool/__init__.py': `import lib\nid = "${id}"\n` }
  return [
    { name: 'tool', version: '1.0', files: tool, metadata: ['Requires-Dist: lib>=1'] },
    // More than what is read of its end for its metadata.
    { name: 'lib', version: '1.0', files: { 'lib/__init__.py': '', 'lib/noise.bin': randomBytes(150_000) } },
    { name: 'lib', version: '0.9', files: { 'lib/__init__.py': `too old = "${id}"\n` } },
  ]
}

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

/** Installs `tool` with what it needs, on a machine that has nothing yet but maybe a lock file, and returns the environment. */
type Install = (place: Workplace, index: string, lock: Lock) => Promise<string>

interface Lock {
  text?: string
}

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
        async (place: Workplace, index: string, lock: Lock) => {
          const environment = await place.makeEnvironment('environment')
          await writeProject(place, installer, index, ['tool'])
          if (lock.text === undefined) await installer.lock(place, environment)
          else await writeLock(place, installer, lock.text)
          lock.text = await readLock(place, installer)
          await installer.install(place, environment)
          return environment
        },
      ]),
  ),
}

/** An installer, and the upstream of its own that it gets everything from, through the index of this name. */
interface Case {
  readonly client: string
  readonly install: Install
  readonly variety: Variety
  readonly index: string
}

const cases = Object.entries(installs).flatMap(([client, install]) =>
  varieties
    .filter(({ locking }) => isLong || client === 'uv' || client === 'pip' || locking === true)
    .map((variety, number): Case => ({ client, install, variety, index: `${client}-${number}` })),
)

suite('through Arbor, cold, and then warm with the upstream gone', { concurrency: 3 }, () => {
  const upstreams = new Map<Case, Upstream>()
  let arbor: InProcessArbor | undefined
  let forks: PythonForks | undefined

  // One for all: it takes longer to start than an installer takes.
  before(async () => {
    if (skip !== false) return
    for (const each of cases) upstreams.set(each, await startVariety(each.variety))
    arbor = await serveVarieties(upstreams)
    forks = await openPythonForks(clients.python, PYTHON_CLIENTS)
  })
  after(async () => {
    await forks?.[Symbol.asyncDispose]()
    await arbor?.[Symbol.asyncDispose]()
    for (const upstream of upstreams.values()) await upstream[Symbol.asyncDispose]()
  })

  for (const each of cases) {
    const { client, install, variety, index } = each
    test(`${client} installs from an upstream with ${variety.name}`, { skip }, async () => {
      const upstream = upstreams.get(each)!
      const { url } = arbor!
      const lock = {}
      for (const round of ['cold', 'warm']) {
        await using place = await Workplace.open(clients as Clients, { forks: forks! })
        const environment = await install(place, `${url}/${index}/simple/`, lock)
        const compared = await assertInstalledAsServed(url, environment, { index })
        assert.equal(compared.wheels, 2, round)
        await assertStored(url, upstream)
        if (round === 'cold') await assertHonest(`${url}/${index}`)
        await upstream.stop()
      }
      assert.ok(upstream.requests.some(({ path }) => path.endsWith('.whl')))
      if (variety.quirks.truncateAt !== undefined) {
        assert.ok(upstream.requests.some(({ path, bytesSent }) => /lib-1.0.*whl$/.test(path) && bytesSent === 50_000))
      }
    })
  }

  for (const client of ['uv', 'pip']) {
    test(
      `${client} says that it failed where an upstream always truncates; nothing is installed or stored`,
      { skip },
      async () => {
        const variety = { name: 'truncated', quirks: { ranges: 'absent', truncateAt: 50_000 } } as const
        const install = installs[client]!
        await using upstream = await startVariety(variety)
        await using broken = await serveVarieties(new Map([[{ client, install, variety, index: 'main' }, upstream]]))
        await using place = await Workplace.open(clients as Clients)
        await assert.rejects(install(place, `${broken.url}/simple/`, {}), /lib/)
        const left = await readdir(join(place.folder, 'environment'), { recursive: true }).catch(() => [])
        assert.deepEqual(
          left.filter((path) => /(tool|lib)[/-]/.test(path.replace(/^lib\//, ''))),
          [],
        )
        const lib = upstream.distributions.get('lib-1.0-py3-none-any.whl')
        assert.notEqual((await fetch(`${broken.url}/lookup/sha256:${lib?.sha256}`)).status, 200)
        assert.deepEqual(await broken.staged(), [])
      },
    )
  }
})

async function startVariety({ quirks }: Variety): Promise<Upstream> {
  return startUpstream({ distributions: await Promise.all(makeRecipes().map(wheelOf)), quirks })
}

function wheelOf(recipe: WheelRecipe): Promise<Distribution> {
  return distributionOf(wheelFilename(recipe), makeWheel(recipe))
}

/** Each upstream as an index of one Arbor. */
function serveVarieties(upstreams: ReadonlyMap<Case, Upstream>): Promise<InProcessArbor> {
  const [first] = upstreams.values()
  const adjust = (config: Config): Config => ({
    ...config,
    indexes: Array.from(upstreams, ([{ index, variety }, { url }], place) => ({
      ...config.indexes[0]!,
      name: parseIndexName(index),
      url: new URL(url),
      default: place === 0,
      notFoundStatuses: variety.notFoundStatuses ?? [],
    })),
    upstream: { ...config.upstream, retries: 1 },
  })
  return serveArbor({ upstream: first!, adjust })
}

/** The upstream's very bytes. */
async function assertStored(url: string, upstream: Upstream): Promise<void> {
  for (const filename of ['tool-1.0-py3-none-any.whl', 'lib-1.0-py3-none-any.whl']) {
    const sha256 = upstream.distributions.get(filename)?.sha256
    assert.equal((await fetch(`${url}/lookup/sha256:${sha256}`)).status, 200, filename)
  }
}

/** What is missing is missing, and what pages promise is there (B8). */
async function assertHonest(url: string): Promise<void> {
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
