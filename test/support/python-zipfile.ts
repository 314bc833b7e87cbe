import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './process.ts'

/** What Python's zipfile makes of an archive: the SHA-256 of each file, and all directories, by path. */
export interface ZipfileView {
  readonly files: Readonly<Record<string, string>>
  readonly directories: readonly string[]
}

const SCRIPT = `
import hashlib, json, os, sys, tempfile, zipfile
for line in sys.stdin:
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(line.rstrip("\\n")).extractall(folder)
        files, directories = {}, []
        for at, names, leaves in os.walk(folder):
            directories += [os.path.relpath(os.path.join(at, name), folder) for name in names]
            for leaf in leaves:
                path = os.path.join(at, leaf)
                with open(path, "rb") as file:
                    files[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    print(json.dumps({"files": files, "directories": directories}), flush=True)
`

/** Extracts archives with Python's zipfile, each into a folder of its own that is removed; `cwd` is for scratch files. */
export async function extractWithPython(paths: readonly string[], cwd: string): Promise<ZipfileView[]> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TMPDIR: cwd, PYTHONUTF8: '1' }
  const script = join(cwd, 'extract.py')
  await writeFile(script, SCRIPT)
  await writeFile(join(cwd, 'list.txt'), `${paths.join('\n')}\n`)
  const output = await run('sh', ['-c', 'exec python3 "$0" < list.txt', script], { cwd, env })
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ZipfileView)
}

/** False where there is a python3; else why not, for the `skip` option of a test. */
export async function whyNoPython(): Promise<string | false> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }
  return run('python3', ['-c', 'import zipfile'], { cwd: '/', env }).then(
    () => false,
    () => 'there is no python3',
  )
}
