import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Arbor, startArbor } from '../../support/arbor.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { type Distribution, distributionOf } from '../../support/upstream/distribution.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../../support/zip-writer.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const wheelFile = 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
const twin = (tag: string, executable: string[]): WheelRecipe => ({
  name: 'twin',
  version: '1.0',
  tag,
  executable,
  files: {
    'twin.py': '#!/usr/bin/env python\n',
    'twin-1.0.dist-info/WHEEL': wheelFile,
    'twin-1.0.dist-info/RECORD': '',
  },
})
const recipes: readonly WheelRecipe[] = [
  { name: 'demo', version: '1.0', files: { 'demo.py': 'x = 1\n', 'demo/page.html': '<p>', 'demo/a/b.py': 'y = 2\n' } },
  {
    name: 'demo',
    version: '2.0',
    files: { 'demo.py': 'x = 2\n', 'demo/page.html': '<p>', 'long.txt': 'a'.repeat(3000) },
  },
  // The same but for an executable bit: two trees that share what others call them.
  twin('py3-none-any', []),
  twin('py2.py3-none-any', ['twin.py']),
]

/** Values that requests may carry to get what is there, by the names of parameters. */
export type KnownValues = Readonly<Record<string, readonly string[]>>

/** Of the URL of one file: what goes together. */
export type FileNames = Readonly<Record<'index' | 'sha256' | 'filename', string>>

/** An Arbor over a real index, as its operator might have it, with things stored. */
export interface StockedArbor extends AsyncDisposable {
  readonly arbor: Arbor
  readonly known: KnownValues
  readonly files: readonly FileNames[]
}

/** `folder` is where its configuration is put. */
export async function startStockedArbor(folder: string): Promise<StockedArbor> {
  const upstream = await startUpstream({ distributions: await makeDistributions() })
  const unhashed = await startUpstream({
    distributions: await makeDistributions(),
    quirks: { noHashes: true, htmlOnly: true },
  })
  const stack = new AsyncDisposableStack()
  stack.use(upstream)
  stack.use(unhashed)
  try {
    const config = join(folder, 'arbor.toml')
    await writeFile(config, configure(upstream, unhashed))
    const arbor = stack.use(await startArbor({ upstream: '', env: { ARBOR_CONFIG: config } }))
    const { known, files } = await stock(arbor)
    return { arbor, known, files, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function makeDistributions(): Promise<Distribution[]> {
  const wheels = recipes.map((recipe) => distributionOf(wheelFilename(recipe), makeWheel(recipe)))
  return Promise.all([
    ...wheels,
    distributionOf('demo-1.0.tar.gz', Buffer.alloc(500, 'sdist')),
    distributionOf('broken-1.0-py3-none-any.whl', Buffer.alloc(500, 'no archive')),
    // Nobody asks for it before the requests under test do.
    distributionOf('cold-1.0-py3-none-any.whl', makeWheel({ name: 'cold', version: '1.0' })),
  ])
}

function configure(upstream: Upstream, unhashed: Upstream): string {
  return [
    `[[index]]\nname = "main"\nurl = "${upstream.url}"\ndefault = true`,
    `[[index]]\nname = "unhashed"\nurl = "${unhashed.url}"`,
    `[[index]]\nname = "offline"\nurl = "${upstream.url}"\nmode = "offline"`,
    `[[virtual]]\nname = "all"\nindexes = ["main", "unhashed"]`,
  ].join('\n')
}

interface LookedUp {
  readonly wheels: readonly { blake3: string; tree: { id?: string; dirhash?: string; archiveId?: string } }[]
}

/** What things are called, by the parameters that name them. */
class Names {
  readonly files: FileNames[] = []
  readonly #found = new Map<string, Set<string>>()

  add(parameter: string, ...values: readonly string[]): void {
    this.#found.set(parameter, new Set([...(this.#found.get(parameter) ?? []), ...values]))
  }

  get known(): KnownValues {
    return Object.fromEntries([...this.#found].map(([parameter, values]) => [parameter, [...values]]))
  }
}

/** Asks for nearly everything once, so that it is stored, and notes what it is called. */
async function stock({ url }: Arbor): Promise<Names> {
  const names = new Names()
  names.add('index', 'main', 'unhashed', 'all', 'offline')
  names.add('project', 'demo', 'cold', 'twin', 'Demo')
  names.add('version', '1.0', '2')
  names.add('path', 'demo.py', 'long.txt', 'twin.py', 'demo')
  names.add('directory', 'demo', 'demo-1.0.dist-info')
  for (const page of [
    'main/simple/demo',
    'main/simple/twin',
    'main/simple/broken',
    'main/simple/cold',
    'unhashed/simple/demo',
  ]) {
    for (const { fileUrl, filename, sha256 } of await listFiles(`${url}/${page}/`)) {
      names.add('filename', filename)
      names.add('sha256', sha256 ?? 'unhashed')
      names.files.push({ index: page.split('/', 1)[0] ?? '', sha256: sha256 ?? 'unhashed', filename })
      if (page.endsWith('cold')) continue
      await read(fileUrl)
      if (sha256 !== undefined) await noteStored(url, sha256, names)
    }
  }
  return names
}

async function noteStored(url: string, sha256: string, names: Names): Promise<void> {
  await read(`${url}/wheels/sha256:${sha256}/tree`)
  const { wheels } = JSON.parse(await read(`${url}/lookup/sha256:${sha256}`)) as LookedUp
  names.add('key', `sha256:${sha256}`)
  names.add('digest', `sha256:${sha256}`, ...wheels.map(({ blake3 }) => blake3))
  for (const { id, dirhash, archiveId } of wheels.map(({ tree }) => tree)) {
    if (id === undefined) continue
    for (const parameter of ['id', 'other', 'key']) names.add(parameter, id, `dirhash:${dirhash}`, `uv:${archiveId}`)
  }
}

async function listFiles(
  pageUrl: string,
): Promise<{ fileUrl: string; filename: string; sha256: string | undefined }[]> {
  const { files } = JSON.parse(await read(pageUrl, { accept: JSON_TYPE })) as {
    files: { url: string; filename: string; hashes: { sha256?: string } }[]
  }
  return files.map((file) => ({
    fileUrl: new URL(file.url, pageUrl).href,
    filename: file.filename,
    sha256: file.hashes.sha256,
  }))
}

async function read(url: string, headers: Record<string, string> = {}): Promise<string> {
  return (await fetch(url, { headers })).text()
}
