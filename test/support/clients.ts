import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sharedFolder } from './paths.ts'
import { run } from './process.ts'
import { findPython, prepareEnvironment } from './virtual-environment.ts'

/** Real installers in one virtual environment: run `python -m pip`, `-m poetry`, `-m pdm`, and `uv`. */
export interface Clients {
  readonly python: string
  readonly uv: string
  /** The interpreter to make virtual environments of. */
  readonly basePython: string
}

/** Either the clients, or why the tests that need them are skipped: for the `skip` option of a test. */
export type FoundClients =
  { readonly clients: Clients; readonly skip: false } | { readonly clients: undefined; readonly skip: string }

/**
 * The clients of ../shared/clients, installed once into `.venvs/` and shared by all test processes. With
 * REQUIRE_CLIENTS=1, as in .ci/run, missing ones are an error.
 */
export async function findClients(): Promise<FoundClients> {
  const found = await findIngredients()
  if (typeof found === 'string') return { clients: undefined, skip: toSkip(found) }
  const { basePython, wheels } = found
  const folder = await prepareEnvironment({
    name: 'clients',
    basePython,
    wheels,
    make: (unfinished) => install(unfinished, basePython, wheelFolder, ['uv', 'pip', 'poetry', 'pdm', 'blake3']),
  })
  return { clients: { python: join(folder, 'bin/python'), uv: join(folder, 'bin/uv'), basePython }, skip: false }
}

/** A program of an environment, to be run as `python program …`: its own first line names a folder that was renamed. */
export interface PythonProgram {
  readonly python: string
  readonly program: string
}

/** Either schemathesis, or why the test that needs it is skipped. */
export type FoundSchemathesis =
  | { readonly schemathesis: PythonProgram; readonly skip: false }
  | { readonly schemathesis: undefined; readonly skip: string }

/** That of ../shared/tools/schemathesis, installed as the clients are, and by them. */
export async function findSchemathesis(): Promise<FoundSchemathesis> {
  const folder = join(sharedFolder, 'tools/schemathesis')
  const wheels = await readdir(folder).catch(() => [])
  const found = wheels.length === 0 ? 'there is no ../shared/tools/schemathesis' : await findIngredients()
  if (typeof found === 'string') return { schemathesis: undefined, skip: toSkip(found) }
  const { basePython } = found
  const environment = await prepareEnvironment({
    name: 'schemathesis',
    basePython,
    wheels,
    make: (unfinished) => install(unfinished, basePython, folder, ['schemathesis']),
  })
  const bin = join(environment, 'bin')
  return { schemathesis: { python: join(bin, 'python'), program: join(bin, 'st') }, skip: false }
}

function toSkip(missing: string): string {
  if (process.env['REQUIRE_CLIENTS'] === '1') throw new Error(`REQUIRE_CLIENTS=1, but ${missing}`)
  return missing
}

const wheelFolder = join(sharedFolder, 'clients')

async function findIngredients(): Promise<{ basePython: string; wheels: string[] } | string> {
  const wheels = await readdir(wheelFolder).catch(() => [])
  if (!wheels.some((name) => name.startsWith('uv-'))) return 'there are no clients in ../shared/clients'
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the clients are for Linux x86-64'
  const basePython = await findPython()
  if (basePython === undefined) return 'there is no python3.11'
  return { basePython, wheels }
}

/** uv's own binary, taken out of its wheel, installs what is in a folder of wheels: two seconds, where pip takes twenty. */
async function install(folder: string, basePython: string, from: string, wanted: readonly string[]): Promise<void> {
  const bootstrap = `${folder}/bootstrap`
  await mkdir(bootstrap, { recursive: true })
  const cwd = bootstrap
  const env = { HOME: bootstrap, PATH: '/usr/bin:/bin' }
  const unpack = [
    'import glob, os, sys, zipfile',
    'wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/uv-*.whl")[0])',
    'name = next(name for name in wheel.namelist() if name.endswith(".data/scripts/uv"))',
    'open("uv", "wb").write(wheel.read(name))',
    'os.chmod("uv", 0o755)',
  ].join('\n')
  await run(basePython, ['-c', unpack, wheelFolder], { cwd, env })
  const uv = join(bootstrap, 'uv')
  await run(uv, ['venv', '--offline', '--allow-existing', '--python', basePython, folder], { cwd, env })
  const source = ['--offline', '--no-cache', '--no-index', '--find-links', from, '--compile-bytecode']
  const into = ['--python', join(folder, 'bin/python')]
  await run(uv, ['pip', 'install', ...source, ...into, ...wanted], { cwd, env })
  await rm(bootstrap, { recursive: true })
}
