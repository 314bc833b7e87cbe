import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clients } from './clients.ts'
import { run, type RunOptions } from './process.ts'
import type { PythonForks } from './python-forks.ts'

/**
 * pdm 2.29 sets no upper bounds and does not run with what it then gets: hishel 2, its HTTP cache, dropped a class that pdm derives
 * from, and unearth 0.19, its downloader, moved to another HTTP library. So unearth is given the library that pdm itself uses,
 * and the cache stays off; resolving, downloading and installing are pdm's own.
 */
const START_PDM = `
import sys
import hishel, httpx, httpx._config, httpx._content, httpx._types
if not hasattr(hishel, "SyncSqliteStorage"):
    hishel.SyncSqliteStorage = hishel.SqliteStorage
for name in [name for name in sys.modules if name.split(".")[0] == "httpx"]:
    sys.modules["httpx2" + name[len("httpx"):]] = sys.modules[name]
from pdm.core import main
main()
`

const START_PIP = 'import sys; from pip._internal.cli.main import main; sys.exit(main())'
const START_POETRY = 'import sys; from poetry.console.application import main; sys.exit(main())'

/** What pip imports to install. */
export const PIP: readonly string[] = ['pip._internal.cli.main', 'pip._internal.commands.install']

/** What the installers that are written in Python import. */
export const PYTHON_CLIENTS: readonly string[] = [
  ...PIP,
  'poetry.console.application',
  'poetry.console.commands.lock',
  'poetry.console.commands.sync',
  'poetry.factory',
  'poetry.installation.installer',
  'poetry.installation.executor',
  'poetry.repositories.legacy_repository',
  'poetry.puzzle',
  'hishel',
  'httpx',
]

/**
 * A person's machine, as far as an installer can tell: a home, caches and configuration of its own, all empty, and no network but
 * loopback. Removed when disposed of.
 */
export class Workplace implements AsyncDisposable {
  readonly folder: string
  readonly #clients: Clients
  readonly #forks: PythonForks | undefined

  private constructor(folder: string, clients: Clients, forks: PythonForks | undefined) {
    this.folder = folder
    this.#clients = clients
    this.#forks = forks
  }

  /** With `forks` of {@link PYTHON_CLIENTS}, or of {@link PIP}, installers start sooner. */
  static async open(clients: Clients, { forks }: { readonly forks?: PythonForks } = {}): Promise<Workplace> {
    const folder = await mkdtemp(join(tmpdir(), 'arbor-workplace-'))
    await Promise.all(['home', 'tmp', 'project'].map((name) => mkdir(join(folder, name))))
    return new Workplace(folder, clients, forks)
  }

  /** Where the client's project is. */
  get project(): string {
    return join(this.folder, 'project')
  }

  /** A new virtual environment, without pip. */
  async makeEnvironment(name: string): Promise<string> {
    const folder = join(this.folder, name)
    await this.uv(['venv', '--python', this.#clients.basePython, folder])
    return folder
  }

  pip(args: readonly string[]): Promise<string> {
    return this.#python(START_PIP, args)
  }

  uv(args: readonly string[], environment?: string): Promise<string> {
    return this.run(this.#clients.uv, args, environment)
  }

  poetry(args: readonly string[], environment?: string): Promise<string> {
    return this.#python(START_POETRY, ['--no-interaction', ...args], environment)
  }

  /** Without its HTTP cache: see {@link START_PDM}. */
  pdm(args: readonly string[], environment?: string): Promise<string> {
    return this.#python(START_PDM, args, environment)
  }

  /** Runs a command in the project; `environment` is the virtual environment that is active. */
  run(command: string, args: readonly string[], environment?: string): Promise<string> {
    return run(command, args, this.#surroundings(environment))
  }

  #python(code: string, args: readonly string[], environment?: string): Promise<string> {
    if (this.#forks !== undefined) return this.#forks.run(code, args, this.#surroundings(environment))
    return this.run(this.#clients.python, ['-c', code, ...args], environment)
  }

  #surroundings(environment: string | undefined): RunOptions {
    const home = join(this.folder, 'home')
    const nowhere = 'http://127.0.0.1:1'
    return {
      cwd: this.project,
      env: {
        HOME: home,
        TMPDIR: join(this.folder, 'tmp'),
        PATH: [...(environment === undefined ? [] : [join(environment, 'bin')]), '/usr/bin', '/bin'].join(':'),
        LANG: 'C.UTF-8',
        // Whatever is not loopback goes to a proxy that is not there.
        HTTP_PROXY: nowhere,
        HTTPS_PROXY: nowhere,
        http_proxy: nowhere,
        https_proxy: nowhere,
        NO_PROXY: '127.0.0.1',
        no_proxy: '127.0.0.1',
        PIP_CONFIG_FILE: '/dev/null',
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
        PIP_NO_INPUT: '1',
        PIP_NO_COMPILE: '1',
        UV_PYTHON_DOWNLOADS: 'never',
        UV_NO_PROGRESS: '1',
        UV_LINK_MODE: 'copy',
        // A keyring would ask the desktop.
        PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
        PDM_CHECK_UPDATE: '0',
        PDM_NO_CACHE: '1',
        // Where they are anyway; but one that was forked looked for its home before.
        PIP_CACHE_DIR: join(home, '.cache/pip'),
        POETRY_CACHE_DIR: join(home, '.cache/pypoetry'),
        ...(environment !== undefined && { VIRTUAL_ENV: environment, UV_PROJECT_ENVIRONMENT: environment }),
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
