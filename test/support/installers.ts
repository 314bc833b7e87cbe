import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Workplace } from './workplace.ts'

/** An installer that writes a lock file, as its user would use it. */
export interface LockingInstaller {
  readonly name: string
  readonly lockFile: string
  /** What has to be in the project beside its dependencies, to get everything from `index`. */
  readonly settings: (index: string) => string
  /** Resolves the project and writes the lock file. */
  lock(place: Workplace, environment: string): Promise<unknown>
  /** Installs exactly what the lock file says. */
  install(place: Workplace, environment: string): Promise<unknown>
}

export const lockingInstallers: readonly LockingInstaller[] = [
  {
    name: 'uv',
    lockFile: 'uv.lock',
    settings: (index) => `[[tool.uv.index]]\nname = "arbor"\nurl = "${index}"\ndefault = true\n`,
    lock: (place, environment) => place.uv(['lock'], environment),
    // Frozen: it asks for the URLs in the lock file, and for no page.
    install: (place, environment) => place.uv(['sync', '--frozen', '--no-install-project'], environment),
  },
  {
    name: 'poetry',
    lockFile: 'poetry.lock',
    settings: (index) =>
      `[tool.poetry]\npackage-mode = false\n\n[[tool.poetry.source]]\nname = "arbor"\nurl = "${index}"\npriority = "primary"\n`,
    lock: (place, environment) => place.poetry(['lock'], environment),
    install: (place, environment) => place.poetry(['sync', '--no-root'], environment),
  },
  {
    name: 'pdm',
    lockFile: 'pdm.lock',
    settings: (index) =>
      `[tool.pdm]\ndistribution = false\n\n[[tool.pdm.source]]\nname = "pypi"\nurl = "${index}"\nverify_ssl = true\n`,
    // Otherwise it writes only file names.
    lock: (place, environment) => place.pdm(['lock', '-S', 'static_urls'], environment),
    install: (place, environment) => place.pdm(['sync', '--no-self'], environment),
  },
]

/** Writes the project that `installer` is to lock and to install. */
export async function writeProject(
  place: Workplace,
  installer: LockingInstaller,
  index: string,
  dependencies: readonly string[],
): Promise<void> {
  const project = [
    '[project]',
    'name = "app"',
    'version = "1.0"',
    'requires-python = ">=3.11,<3.12"',
    `dependencies = ${JSON.stringify(dependencies)}`,
    '',
    installer.settings(index),
  ]
  await writeFile(join(place.project, 'pyproject.toml'), project.join('\n'))
}

export function readLock(place: Workplace, installer: LockingInstaller): Promise<string> {
  return readFile(join(place.project, installer.lockFile), 'utf8')
}

/** As if the project had been checked out with its lock file. */
export async function writeLock(place: Workplace, installer: LockingInstaller, lock: string): Promise<void> {
  await writeFile(join(place.project, installer.lockFile), lock)
}
