import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pinnedNode, repositoryFolder } from './paths.ts'

export interface ArborOptions {
  /** An index URL, as in ARBOR_UPSTREAM. */
  readonly upstream: string
  /** `host:port`; by default a free port of loopback. */
  readonly listen?: string
  /** Kept when Arbor stops; by default a temporary one, removed on disposal. */
  readonly data?: string
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** How a person starts it: the server itself (default), or `npm start`. */
  readonly through?: 'node' | 'npm'
  /** A command to run it by (`nsenter …`), to which its own command is appended. By default none. */
  readonly by?: readonly string[]
  /** Kills it so long after it was started, ready or not. */
  readonly killAfterMs?: number | undefined
}

const COMMANDS = { node: [pinnedNode, 'server/start.mjs'], npm: ['npm', 'start'] }
const READY_MS = 20_000
const STOP_MS = 15_000

/** Starts Arbor as a child process and waits until it says where it listens. Throws with its output if it does not. */
export async function startArbor(options: ArborOptions): Promise<Arbor> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'arbor-data-')))
  const [command = '', ...args] = [...(options.by ?? []), ...COMMANDS[options.through ?? 'node']]
  const child = spawn(command, args, {
    cwd: repositoryFolder,
    // A group of its own, so that whoever is left of it afterwards can be found.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...withoutArborSettings(process.env),
      ARBOR_LISTEN: options.listen ?? '127.0.0.1:0',
      ARBOR_DATA: data,
      ARBOR_UPSTREAM: options.upstream,
      ARBOR_ADMIN_TOKEN: Arbor.adminToken,
      ...options.env,
    },
  })
  const arbor = new Arbor(child, data, options.data === undefined)
  if (options.killAfterMs !== undefined) setTimeout(arbor.kill, options.killAfterMs)
  try {
    await arbor.ready()
    return arbor
  } catch (error) {
    arbor.kill()
    await arbor.ended()
    await arbor[Symbol.asyncDispose]()
    throw error
  }
}

type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null } | { readonly error: Error }

/** A running Arbor. Disposing of it stops it, if that has not been done, and removes a temporary data folder. */
export class Arbor implements AsyncDisposable {
  static readonly adminToken = 'a-token-for-tests-only'
  readonly data: string
  readonly #child: ChildProcess
  readonly #temporary: boolean
  readonly #ended: Promise<Ending>
  #output = ''
  #url: string | undefined

  constructor(child: ChildProcess, data: string, temporary: boolean) {
    this.#child = child
    this.data = data
    this.#temporary = temporary
    process.once('exit', this.kill)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error }))
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
  }

  /** Without a trailing slash. */
  get url(): string {
    assert.ok(this.#url, 'Arbor is not ready')
    return this.#url
  }

  /** The index for installers. */
  get index(): string {
    return `${this.url}/simple/`
  }

  /** `host:port`, to start another one in the same place. */
  get listen(): string {
    return new URL(this.url).host
  }

  /** Everything that it wrote so far. */
  get output(): string {
    return this.#output
  }

  /** Of the server's own process, or of npm. */
  get pid(): number {
    assert.ok(this.#child.pid, 'Arbor did not start')
    return this.#child.pid
  }

  /** Resolves when the first line of the banner is there. */
  async ready(): Promise<void> {
    for (const started = performance.now(); performance.now() - started < READY_MS;) {
      this.#url = /^arbor listens on (http:\S+)$/m.exec(this.#output)?.[1]
      if (this.#url !== undefined) return
      const end = await Promise.race([this.#ended, delay(20)])
      if (end !== undefined) throw new Error(`Arbor ended with ${describe(end)}:\n${this.#output}`)
    }
    throw new Error(`Arbor did not say where it listens within ${READY_MS} ms:\n${this.#output}`)
  }

  /** As `kill` does it; asserts that it ends in time, with code 0, and that no process of its group is left. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const end = await Promise.race([this.#ended, delay(STOP_MS, undefined, { ref: false })])
    if (end === undefined) {
      this.kill()
      assert.fail(`Arbor was still running ${STOP_MS} ms after SIGTERM:\n${this.#output}`)
    }
    assert.deepEqual(end, { code: 0, signal: null }, this.#output)
    assert.equal(isGroupAlive(this.pid), false, 'a process was left behind')
  }

  /** As a power cut: kill -9 to all of it. */
  readonly kill = (): void => {
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // Already gone.
    }
  }

  /** Until it has ended, in whatever way. */
  async ended(): Promise<void> {
    await this.#ended
  }

  /** What Arbor says about itself. */
  async stats(): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/admin/stats`, {
      headers: { authorization: `Bearer ${Arbor.adminToken}` },
    })
    assert.equal(response.status, 200)
    return (await response.json()) as Record<string, unknown>
  }

  /** Removes what is stored, but not the data folder itself. Only while it is stopped. */
  async wipe(): Promise<void> {
    for (const name of await readdir(this.data)) await rm(join(this.data, name), { recursive: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop()
    } finally {
      process.off('exit', this.kill)
      if (this.#temporary) await rm(this.data, { recursive: true, force: true })
    }
  }
}

function describe(end: Ending): string {
  return 'error' in end ? end.error.message : String(end.code ?? end.signal)
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

/** What a developer has set for their own Arbor is not for the tests. */
function withoutArborSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ARBOR_')))
}
