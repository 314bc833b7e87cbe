import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, loadConfig } from '../../server/config.ts'
import { openLog } from '../../server/log.ts'
import { openServer } from '../../server/serve.ts'
import { serveApp } from './serve-app.ts'
import type { Upstream } from './upstream.ts'

export interface InProcessOptions {
  readonly upstream: Upstream
  /** Kept; by default a temporary folder, removed in the end. */
  readonly data?: string
  readonly adjust?: (config: Config) => Config
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** The whole server in this process, with its log lines; nothing is left when it is disposed of. */
export interface InProcessArbor extends AsyncDisposable {
  readonly url: string
  readonly data: string
  readonly log: readonly Record<string, unknown>[]
  /** Path and SHA-256 of a file, as our project page gives them. */
  locate(project: string, filename: string): Promise<{ path: string; sha256: string }>
  stats(): Promise<Record<string, Record<string, unknown>>>
  /** Names of files that are being written. */
  staged(): Promise<string[]>
}

export async function serveArbor(options: InProcessOptions): Promise<InProcessArbor> {
  await using opening = new AsyncDisposableStack()
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'arbor-in-process-')))
  if (options.data === undefined) opening.defer(() => rm(data, { recursive: true }))
  const config = await loadConfig({
    env: {
      ARBOR_UPSTREAM: options.upstream.url,
      ARBOR_DATA: data,
      ARBOR_ADMIN_TOKEN: 'secret-for-tests',
      ...options.env,
    },
    flags: {},
    readFile: () => Promise.resolve(undefined),
    platform: process.platform,
    homeFolder: data,
    workingFolder: data,
  })
  const log: Record<string, unknown>[] = []
  const write = (line: string): number => log.push(JSON.parse(line) as Record<string, unknown>)
  const server = await openServer(options.adjust?.(config) ?? config, openLog('debug', { write }))
  opening.defer(() => server.close())
  const served = opening.use(await serveApp(server.app))
  const opened = opening.move()
  return {
    url: served.url,
    data,
    log,
    async locate(project, filename) {
      const accept = 'application/vnd.pypi.simple.v1+json'
      const pageUrl = `${served.url}/simple/${project}/`
      const page = (await (await fetch(pageUrl, { headers: { accept } })).json()) as {
        files: { filename: string; url: string; hashes: { sha256: string } }[]
      }
      const file = page.files.find((candidate) => candidate.filename === filename)
      if (file === undefined) throw new Error(`${filename} is not listed`)
      return { path: new URL(file.url, pageUrl).pathname, sha256: file.hashes.sha256 }
    },
    async stats() {
      const headers = { authorization: 'Bearer secret-for-tests' }
      return (await (await fetch(`${served.url}/admin/stats`, { headers })).json()) as Record<
        string,
        Record<string, unknown>
      >
    },
    async staged() {
      const files = await readdir(join(data, 'staging'), { recursive: true, withFileTypes: true })
      return files.filter((file) => file.isFile() && !file.name.includes('.lock')).map(({ name }) => name)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
