import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const READY_MS = 60_000
const STOP_MS = 5_000

export interface ChildOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Answers with anything below 500 once the server works. */
  readonly ready: string
}

/** A server that was started for this run, with whatever processes it starts itself. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** What it wrote, its end only. */
  readonly output: string
}

/** Starts a server in a process group of its own and waits until it answers. Throws with its output where it does not. */
export async function startChild(command: string, args: readonly string[], options: ChildOptions): Promise<Child> {
  const { cwd, env = {}, ready } = options
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, LANG: 'C.UTF-8', ...env },
  })
  const running = new RunningChild(child)
  try {
    await running.waitFor(ready)
    return running
  } catch (error) {
    await running[Symbol.asyncDispose]()
    throw error
  }
}

class RunningChild implements Child {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>
  #output = ''

  constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-8000)))
    }
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => resolve(String(signal ?? code)))
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get output(): string {
    return this.#output
  }

  async waitFor(url: string): Promise<void> {
    for (const started = performance.now(); performance.now() - started < READY_MS;) {
      const answers = await fetch(url, { signal: AbortSignal.timeout(5000) }).then(
        async (response) => {
          await response.body?.cancel()
          return response.status < 500
        },
        () => false,
      )
      if (answers) return
      const end = await Promise.race([this.#ended, delay(50)])
      if (end !== undefined) throw new Error(`${this.#child.spawnfile} ended with ${end}:\n${this.#output}`)
    }
    throw new Error(`${this.#child.spawnfile} did not answer within ${READY_MS} ms:\n${this.#output}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal('SIGTERM')
    await Promise.race([this.#ended, delay(STOP_MS, undefined, { ref: false })])
    // Also what its main process left behind.
    this.#signal('SIGKILL')
    await this.#ended
  }

  #signal(name: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, name)
    } catch {
      // All of it is gone.
    }
  }
}

/** Runs a program to its end and returns what it wrote. Throws with its output where it fails. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<string> {
  const child = spawn(command, args, {
    ...options,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const end = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(String(signal ?? code)))
  })
  if (end !== '0') throw new Error(`${command} ${args.join(' ')}\nended with ${end}:\n${output.slice(-4000)}`)
  return output
}

/** A port of loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
