import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { repositoryFolder } from './paths.ts'
import { run } from './process.ts'

/** A virtual environment that is made once of a folder of wheels, in `.venvs/`, and shared by all test processes. */
export interface EnvironmentPlan {
  /** What its folder's name starts with. */
  readonly name: string
  readonly basePython: string
  /** Its names are part of the folder's name, so that other wheels make another environment. */
  readonly wheels: readonly string[]
  /** Makes it at `folder`, which is renamed once this resolves. */
  readonly make: (folder: string) => Promise<void>
}

/** The interpreter itself, no shim: those need an environment that the clients do not get. */
export async function findPython(): Promise<string | undefined> {
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

/** Where it is, once it is there. */
export async function prepareEnvironment(plan: EnvironmentPlan): Promise<string> {
  const key = createHash('sha256')
    .update([plan.basePython, ...plan.wheels.toSorted()].join('\n'))
    .digest('hex')
    .slice(0, 12)
  const folder = join(repositoryFolder, '.venvs', `${plan.name}-${key}`)
  if (await exists(folder)) return folder
  await mkdir(join(repositoryFolder, '.venvs'), { recursive: true })
  await using _ = await lock(`${folder}.lock`)
  if (await exists(folder)) return folder
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await plan.make(unfinished)
  await rename(unfinished, folder)
  return folder
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
