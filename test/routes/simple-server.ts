import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { NodeEnv } from '../../routes/env.ts'
import { RouteError } from '../../routes/errors.ts'
import type { PageSnapshot, ProjectListSnapshot, Repository } from '../../routes/repository.ts'
import { Shortcuts } from '../../routes/shortcuts.ts'
import { simpleRoutes } from '../../routes/simple.ts'
import { MalformedError } from '../../storage/errors.ts'
import type { ListedFile, ProjectPage } from '../../storage/model.ts'
import {
  type IndexName,
  parseFilename,
  parseIndexName,
  parseProjectName,
  type ProjectName,
} from '../../storage/names.ts'

export const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
export const HTML_TYPE = 'application/vnd.pypi.simple.v1+html'
export const A = 'a'.repeat(64)
export const B = 'b'.repeat(64)

export function listed(filename: string, rest: Partial<ListedFile> = {}): ListedFile {
  return {
    filename: parseFilename(filename),
    url: `https://files.example.org/${encodeURIComponent(filename)}`,
    hashes: { sha256: A },
    ...rest,
  }
}

export function pageOf(name: string, files: readonly ListedFile[], rest: Partial<ProjectPage> = {}): ProjectPage {
  return { project: parseProjectName(name), files, ...rest }
}

export function snapshotOf(files: readonly ListedFile[], rest: Partial<ProjectPage> = {}): PageSnapshot {
  return { index: parseIndexName('pypi'), page: pageOf('demo', files, rest) }
}

/** Two indexes of the pages that it was given; counts what it is asked. */
export class Pages {
  readonly defaultIndex = parseIndexName('pypi')
  readonly asked: string[] = []
  readonly snapshots = new Map<string, PageSnapshot>()
  readonly list: ProjectListSnapshot = { index: this.defaultIndex, projects: ['Flask', 'zope.interface'] }

  constructor(pages: readonly ProjectPage[]) {
    for (const page of pages) this.put(page)
  }

  put(page: ProjectPage, index = this.defaultIndex): void {
    this.snapshots.set(`${index}/${page.project}`, { index, page })
  }

  hasIndex(index: IndexName): boolean {
    return index === this.defaultIndex || index === 'inner'
  }

  findPage(index: IndexName, project: ProjectName): PageSnapshot | Promise<PageSnapshot | undefined> | undefined {
    this.asked.push(`${index}/${project}`)
    const found = this.snapshots.get(`${index}/${project}`)
    // A repository has some pages at hand and others not.
    return this.asked.length % 2 === 0 ? found : Promise.resolve(found)
  }

  listProjects(index: IndexName): Promise<ProjectListSnapshot> {
    this.asked.push(index)
    return Promise.resolve(this.list)
  }
}

/** The routes on node's own server, as supertest wants them; problems are their status and code. */
export function serverOf(pages: Pages): Server {
  const app = new Hono<NodeEnv>()
  app.route('/', simpleRoutes(pages as unknown as Repository, new Shortcuts()))
  app.onError((error, c) => {
    const statuses: Readonly<Record<string, 404 | 406>> = { ERR_NOT_FOUND: 404, ERR_NOT_ACCEPTABLE: 406 }
    if (error instanceof RouteError) return c.text(`${error.code} ${error.message}`, statuses[error.code] ?? 500)
    return c.text(String(error), error instanceof MalformedError ? 400 : 500)
  })
  return createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
}

export function demo(): Pages {
  const pages = new Pages([
    pageOf('demo', [listed('demo-1.0.zip')]),
    pageOf('flask-login', [], { extraMeta: { '_last-serial': 42 } }),
    pageOf('simple', []),
  ])
  pages.put(pageOf('demo', [listed('demo-2.0.zip')]), parseIndexName('inner'))
  return pages
}

/** A GET with these headers and no others, of exactly this path; the body as bytes. */
export async function get(server: Server, path: string, headers: Record<string, string> = {}, method = 'GET') {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }
}

export function running(context: { after(work: () => void): void }, pages = demo()): Server {
  const server = serverOf(pages)
  context.after(() => server.close())
  return server
}
