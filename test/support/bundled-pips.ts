import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { run } from './process.ts'

/** A pip that a Python carries for its virtual environments, and that runs from where its wheel is unpacked: `PYTHONPATH={folder} {python} -m pip`. */
export interface BundledPip {
  readonly version: string
  readonly python: string
  readonly wheel: string
}

const ASK = `
import ensurepip, glob, os
folders = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), str(getattr(ensurepip, "_WHEEL_PKG_DIR", None))]
print([wheel for folder in folders for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))][0])
`

/** One for each version of pip that the Pythons of this machine carry: on the PATH, and pyenv's. */
export async function findBundledPips(): Promise<BundledPip[]> {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const installed = await readdir(versions).catch(() => [])
  const pythons = [
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'python3')),
    ...installed.map((version) => join(versions, version, 'bin/python3')),
  ]
  const env = { PATH: process.env['PATH'] ?? '', HOME: homedir() }
  const found = new Map<string, BundledPip>()
  for (const python of pythons) {
    const wheel = await run(python, ['-c', ASK], { cwd: '/', env }).then(
      (path) => path.trim(),
      () => undefined, // No Python, or one without ensurepip.
    )
    const version = wheel === undefined ? undefined : basename(wheel).split('-')[1]
    if (wheel !== undefined && version !== undefined) found.set(version, { version, python, wheel })
  }
  return [...found.values()]
}
