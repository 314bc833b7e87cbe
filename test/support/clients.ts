import { constants } from 'node:fs'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { repositoryFolder, sharedFolder } from './paths.ts'
import { run } from './process.ts'

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
  if (typeof found !== 'string') {
    return { clients: await prepareOnce(found.basePython, found.wheels), skip: false }
  }
  if (process.env['REQUIRE_CLIENTS'] === '1') throw new Error(`REQUIRE_CLIENTS=1, but ${found}`)
  return { clients: undefined, skip: found }
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

/** The interpreter itself, no shim: those need an environment that the clients do not get. */
async function findPython(): Promise<string | undefined> {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const candidates = [
    ...(process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'python3.11')),
    ...(await readdir(versions).catch(() => [])).map((version) => join(versions, version, 'bin/python3.11')),
  ]
  for (const candidate of candidates) {
    const executable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (!executable) continue
    const asked = run(candidate, ['-c', 'import sys, venv, ensurepip; print(sys.executable)'], {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', HOME: homedir() },
    })
    const path = await asked.catch(() => '') // A shim without its version, or Debian's python3 without python3-venv.
    if (path !== '') return path.trim()
  }
  return undefined
}

async function prepareOnce(basePython: string, wheels: readonly string[]): Promise<Clients> {
  const key = createHash('sha256')
    .update([basePython, ...wheels.toSorted()].join('\n'))
    .digest('hex')
    .slice(0, 12)
  const folder = join(repositoryFolder, '.venvs', `clients-${key}`)
  const clients = { python: join(folder, 'bin/python'), uv: join(folder, 'bin/uv'), basePython }
  if (await exists(clients.uv)) return clients
  await mkdir(join(repositoryFolder, '.venvs'), { recursive: true })
  await using _ = await lock(`${folder}.lock`)
  if (await exists(clients.uv)) return clients
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await install(unfinished, basePython)
  await rename(unfinished, folder)
  return clients
}

/** uv's own binary, taken out of its wheel, installs the rest: two seconds, where pip takes twenty. */
async function install(folder: string, basePython: string): Promise<void> {
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
  const from = ['--offline', '--no-cache', '--no-index', '--find-links', wheelFolder, '--compile-bytecode']
  const into = ['--python', join(folder, 'bin/python')]
  await run(uv, ['pip', 'install', ...from, ...into, 'uv', 'pip', 'poetry', 'pdm', 'blake3'], { cwd, env })
  await rm(bootstrap, { recursive: true })
}

/** Waits for other processes; a lock whose owner died is taken over. */
async function lock(path: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => '0'))
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true })
    else await delay(100)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
