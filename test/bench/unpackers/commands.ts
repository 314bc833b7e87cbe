import { type Clients, findClients } from '../../support/clients.ts'
import { runProgram } from '../servers/child.ts'
import { findProgram } from '../servers/program.ts'
import type { UnpackerKind } from './unpacker-kind.ts'

/** The unpackers that this machine has as programs, and why others are missing. */
export async function findCommands(): Promise<{
  readonly kinds: readonly UnpackerKind[]
  readonly absences: readonly string[]
}> {
  const kinds: UnpackerKind[] = []
  const absences: string[] = []
  const programs = [
    { name: 'bsdtar', package: 'libarchive-tools', args: (wheel: string) => ['-xf', wheel] },
    { name: 'unzip', package: 'unzip', args: (wheel: string) => ['-q', wheel], isSlow: true },
    { name: 'python3', package: 'python3', args: (wheel: string) => ['-m', 'zipfile', '-e', wheel, '.'], isSlow: true },
  ]
  for (const program of programs) {
    const path = await findProgram(program.name)
    if (path === undefined) absences.push(`${program.name} is left out: apt-get install ${program.package}`)
    else
      kinds.push({ ...commandOf(program.name, path, program.args), ...('isSlow' in program ? { isSlow: true } : {}) })
  }
  const { clients, skip } = await findClients()
  if (clients === undefined) absences.push(`uv is left out: ${skip}`)
  else kinds.push(uv('uv', clients, []), uv('uv hashing', clients, HASHING))
  return { kinds, absences }
}

/** BLAKE3 for each file, and uv's tree hash. */
const HASHING = ['--preview-features', 'content-addressed-cache']

function uv(name: string, clients: Clients, extra: readonly string[]): UnpackerKind {
  const install = ['pip', 'install', '-q', '--no-config', '--offline', '--no-index', '--no-deps', ...extra]
  const into = ['--python', clients.basePython, '--cache-dir', 'cache', '--target', 'target']
  return commandOf(name, clients.uv, (wheel) => [...install, ...into, wheel])
}

function commandOf(name: string, command: string, argsOf: (wheel: string) => readonly string[]): UnpackerKind {
  return {
    name,
    async unpack(wheel, folder, signal) {
      const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TMPDIR: folder, UV_PYTHON_DOWNLOADS: 'never' }
      const started = performance.now()
      await runProgram(command, argsOf(wheel.path), { cwd: folder, env, signal })
      return (performance.now() - started) / 1000
    },
  }
}
