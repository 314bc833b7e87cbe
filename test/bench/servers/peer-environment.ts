import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findClients } from '../../support/clients.ts'
import { repositoryFolder, sharedFolder } from '../../support/paths.ts'
import { runProgram } from './child.ts'

const wheelFolder = join(sharedFolder, 'peers')

/** The programs of ../shared/peers, or why there are none. */
export type Peers =
  | { readonly programs: string; readonly obstacle: undefined }
  | { readonly programs: undefined; readonly obstacle: string }

let peers: Promise<Peers> | undefined

/** The folder of the programs that devpi and proxpi come with: a virtual environment in `.venvs/`, made once and kept. */
export function findPeers(): Promise<Peers> {
  peers ??= preparePeers()
  return peers
}

async function preparePeers(): Promise<Peers> {
  const wheels = await readdir(wheelFolder).catch(() => [])
  if (!wheels.some((name) => name.startsWith('devpi_server-'))) {
    return { programs: undefined, obstacle: 'there are no peers in ../shared/peers' }
  }
  const found = await findClients()
  if (found.clients === undefined) return { programs: undefined, obstacle: found.skip }
  const { clients } = found
  const folder = join(repositoryFolder, '.venvs/peers')
  const programs = join(folder, 'bin')
  if (await isThere(programs, 'gunicorn')) return { programs, obstacle: undefined }
  const unfinished = `${folder}-${process.pid}.unfinished`
  const signal = AbortSignal.timeout(120_000)
  await mkdir(join(repositoryFolder, '.venvs'), { recursive: true })
  try {
    // Relocatable, since it gets its name last.
    await runProgram(
      clients.uv,
      ['venv', '-q', '--offline', '--relocatable', '--python', clients.basePython, unfinished],
      { signal },
    )
    const from = ['--offline', '--no-cache', '--no-index', '--find-links', wheelFolder, '--compile-bytecode']
    const into = ['--python', join(unfinished, 'bin/python')]
    await runProgram(clients.uv, ['pip', 'install', '-q', ...from, ...into, 'devpi-server', 'proxpi', 'gunicorn'], {
      signal,
    })
    await rename(unfinished, folder)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return { programs, obstacle: undefined }
}

async function isThere(folder: string, name: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(name)
}
