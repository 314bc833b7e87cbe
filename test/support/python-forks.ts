import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { RunOptions } from './process.ts'

/** See fork_server.py. */
export interface PythonForks extends AsyncDisposable {
  /** Runs Python code as {@link run} runs a command. */
  run(code: string, args: readonly string[], options: RunOptions): Promise<string>
}

/** Starts a Python that has imported these modules. The caller disposes of it. */
export async function openPythonForks(python: string, modules: readonly string[]): Promise<PythonForks> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-forks-'))
  const script = join(import.meta.dirname, 'fork_server.py')
  const env = { HOME: folder, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' }
  const server = spawn(python, [script, JSON.stringify(modules)], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = new Map<number, (ending: string) => void>()
  const ended = new Promise<void>((resolve) => {
    server.once('close', () => {
      for (const tell of waiting.values()) tell('the end of all')
      resolve()
    })
  })
  createInterface(server.stdout).on('line', (line) => {
    const { id, status } = JSON.parse(line) as { id: number; status: number }
    waiting.get(id)?.(`code ${status}`)
    waiting.delete(id)
  })
  let lastId = 0
  return {
    async run(code, args, { cwd, env: jobEnv }) {
      const id = (lastId += 1)
      const output = join(folder, `${id}.txt`)
      const ending = await new Promise<string>((resolve) => {
        waiting.set(id, resolve)
        server.stdin.write(`${JSON.stringify({ id, code, args, cwd, env: jobEnv, output })}\n`)
      })
      const text = await readFile(output, 'utf8').catch(() => '')
      if (ending === 'code 0') return text
      throw new Error(`${args.join(' ')}\nended with ${ending}:\n${text.slice(-16_000)}`)
    },
    async [Symbol.asyncDispose]() {
      server.stdin.end()
      await ended
      await rm(folder, { recursive: true })
    },
  }
}
