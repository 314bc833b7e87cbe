import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { globalAgent, type IncomingHttpHeaders } from 'node:http'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hashBlake3 } from '../../storage/digest.ts'
import { normalizeProjectName } from '../../storage/names.ts'
import { ask } from './raw-http.ts'

interface ManifestFile {
  readonly path: string
  readonly size: number
  readonly blake3: string
  readonly executable: boolean
}

/** A wheel's unpacked files as Arbor serves them by hash, with what each holds. */
interface FetchedTree {
  readonly wheel: string
  readonly files: readonly (ManifestFile & { readonly bytes: Buffer })[]
}

export interface ComparisonOptions {
  /** Where the wheels came from; by default the index that has the name of the only one. */
  readonly index?: string
}

/**
 * Compares every file of a virtual environment with the trees that Arbor serves for the wheels installed in it: same
 * bytes, same executable bit, none missing, none that no wheel brought. Returns what was compared.
 */
export async function assertInstalledAsServed(
  arborUrl: string,
  environment: string,
  options: ComparisonOptions = {},
): Promise<{ wheels: number; files: number }> {
  const sitePackages = await findSitePackages(environment)
  const installed = await findInstalled(sitePackages)
  const index = options.index ?? 'main'
  const trees = await Promise.all(
    installed.map(({ project, version }) => fetchTreeByHash(arborUrl, { index, project, version })),
  )
  const claimed = new Set<string>()
  for (const tree of trees) {
    for (const file of tree.files) {
      const path = placeOf(file.path, environment, sitePackages)
      claimed.add(path)
      await compareFile(path, file, `${tree.wheel}: ${file.path}`)
    }
  }
  await assertNothingElse(environment, sitePackages, claimed, trees)
  return { wheels: trees.length, files: claimed.size }
}

async function findSitePackages(environment: string): Promise<string> {
  const python = (await readdir(join(environment, 'lib'))).find((name) => name.startsWith('python'))
  assert.ok(python, `${environment} is no virtual environment`)
  return join(environment, 'lib', python, 'site-packages')
}

async function findInstalled(sitePackages: string): Promise<{ project: string; version: string }[]> {
  return (await readdir(sitePackages)).flatMap((name) => {
    const [, project, version] = /^(.+)-([^-]+)\.dist-info$/.exec(name) ?? []
    return project === undefined || version === undefined ? [] : [{ project: normalizeProjectName(project), version }]
  })
}

/** As anybody would: the page says the wheel's SHA-256, that leads to its tree, and the tree to each of its files. */
async function fetchTreeByHash(
  arborUrl: string,
  { index, project, version }: { readonly index: string; readonly project: string; readonly version: string },
): Promise<FetchedTree> {
  const page = await fetchOk(`${arborUrl}/${index}/simple/${project}/`, {
    accept: 'application/vnd.pypi.simple.v1+json',
  })
  const { files } = JSON.parse(page.bytes.toString()) as {
    files: { filename: string; hashes: { sha256?: string } }[]
  }
  const wheel = files.find((file) => file.filename.endsWith('.whl') && file.filename.split('-')[1] === version)
  assert.ok(wheel, `the page of ${project} has no wheel of version ${version}`)
  const { filename } = wheel
  const digest = wheel.hashes.sha256 === undefined ? '' : `sha256:${wheel.hashes.sha256}`
  const found =
    digest || (await lookUpDigest(arborUrl, `${index}/${project}/${version}/${encodeURIComponent(filename)}`))
  const manifest = await fetchOk(`${arborUrl}/wheels/${found}/tree`)
  const location = manifest.headers['content-location']
  assert.equal(location, `/trees/blake3:${hashBlake3(manifest.bytes)}`, 'the tree is named by its manifest')
  const listed = (JSON.parse(manifest.bytes.toString()) as { files: ManifestFile[] }).files
  const fetched: (ManifestFile & { bytes: Buffer })[] = []
  for (const file of listed) {
    const path = file.path.split('/').map(encodeURIComponent).join('/')
    const { bytes } = await fetchOk(`${arborUrl}${location}/${path}`)
    assert.equal(bytes.length, file.size, file.path)
    assert.equal(hashBlake3(bytes), file.blake3, file.path)
    fetched.push({ ...file, bytes })
  }
  return { wheel: filename, files: fetched }
}

/** Where the index has no hash, so that the page has none either. Waits until it is stored, which follows its last byte. */
async function lookUpDigest(arborUrl: string, place: string): Promise<string> {
  const url = `${arborUrl}/lookup/${place}`
  for (let tries = 0; tries < 100 && !(await fetch(url)).ok; tries += 1) await delay(20)
  const { wheels } = JSON.parse((await fetchOk(url)).bytes.toString()) as { wheels: { sha256: string }[] }
  return wheels[0]?.sha256 ?? assert.fail(`nothing is known of ${place}`)
}

/** By node's own client: there are thousands, and `fetch` takes twice as long. */
async function fetchOk(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ headers: IncomingHttpHeaders; bytes: Buffer }> {
  const { pathname, origin } = new URL(url)
  const { status, headers: given, body, complete } = await ask(origin, pathname, { headers, agent: globalAgent })
  assert.ok(status === 200 && complete, `${url}: ${status} ${body.toString('utf8', 0, 500)}`)
  return { headers: given, bytes: body }
}

/** Where installers put a wheel's file (PEP 427, "Installing a wheel"); pure and platform libraries share a folder here. */
function placeOf(path: string, environment: string, sitePackages: string): string {
  const [, scheme, rest] = /^[^/]+\.data\/([^/]+)\/(.*)$/.exec(path) ?? []
  if (scheme === undefined || rest === undefined) return join(sitePackages, path)
  if (scheme === 'scripts') return join(environment, 'bin', rest)
  if (scheme === 'data') return join(environment, rest)
  assert.ok(scheme === 'purelib' || scheme === 'platlib', `${path}: nothing is known about ${scheme}`)
  return join(sitePackages, rest)
}

async function compareFile(path: string, file: FetchedTree['files'][number], name: string): Promise<void> {
  // Every installer writes RECORD again, since it lists what was installed and where.
  if (/^[^/]+\.dist-info\/RECORD$/.test(file.path)) return
  const bytes = await readFile(path)
  if (file.bytes.toString('latin1', 0, 8) === '#!python') {
    // A script's first line is made to name the environment's interpreter, and scripts become executable.
    assert.equal(afterFirstLine(bytes), afterFirstLine(file.bytes), name)
    return
  }
  assert.ok(bytes.equals(file.bytes), `${name}: other bytes than in the tree`)
  const { mode } = await stat(path)
  const script = /\.data\/scripts\//.test(file.path)
  assert.equal((mode & 0o111) !== 0, file.executable || script, `${name}: executable bit`)
}

function afterFirstLine(script: Buffer): string {
  return script.toString('latin1').replace(/^.*\n/, '')
}

async function assertNothingElse(
  environment: string,
  sitePackages: string,
  claimed: ReadonlySet<string>,
  trees: readonly FetchedTree[],
): Promise<void> {
  const commands = new Set(trees.flatMap(consoleScriptsOf))
  const found = await readdir(environment, { recursive: true, withFileTypes: true })
  const strangers = found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !claimed.has(path))
    .filter((path) => {
      const inside = relative(sitePackages, path)
      if (inside.startsWith('..')) return isStrangerOutside(relative(environment, path), commands)
      return !isMadeByInstaller(inside)
    })
  assert.deepEqual(strangers.slice(0, 20), [], 'files that no wheel brought')
}

/** What installers add beside a wheel's own files. */
function isMadeByInstaller(path: string): boolean {
  return (
    // The recording of who installed it, why and from where.
    /^[^/]+\.dist-info\/(INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|RECORD)$/.test(path) ||
    // Compiled on installation.
    /(^|\/)__pycache__\/[^/]+\.pyc$/.test(path) ||
    // Of the environment itself.
    /^_virtualenv\.(py|pth)$/.test(path)
  )
}

/** Outside site-packages are the environment's own files (lib64 is a link to lib), and the commands that installers make from entry points. */
function isStrangerOutside(path: string, commands: ReadonlySet<string>): boolean {
  const environmentsOwn =
    /^(pyvenv\.cfg|\.gitignore|\.lock|CACHEDIR\.TAG|lib64(\/.*)?|bin\/([Aa]ctivate|deactivate|pydoc|python).*)$/
  const [, command] = /^bin\/([^/]+)$/.exec(path) ?? []
  return !environmentsOwn.test(path) && !(command !== undefined && commands.has(command))
}

function consoleScriptsOf(tree: FetchedTree): string[] {
  const file = tree.files.find(({ path }) => /^[^/]+\.dist-info\/entry_points\.txt$/.test(path))
  const [, section = ''] = /\[console_scripts\]([^[]*)/.exec(file?.bytes.toString() ?? '') ?? []
  return section.split('\n').flatMap((line) => {
    const name = line.split('=')[0]?.trim()
    return name === undefined || name === '' ? [] : [name]
  })
}
