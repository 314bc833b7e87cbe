import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { type Lab, openLab } from '../lab.ts'
import { copyHeaders, fetchRaw, type RawResponse } from '../load/fetch-raw.ts'
import { ACCEPT_JSON } from '../load/page.ts'
import { measureWarm, type Target, warmUp } from '../load/warm.ts'
import { findLoadObstacle } from '../load/wrk.ts'
import { arbor } from '../servers/arbor.ts'
import { type BareServer, startBareServer } from '../servers/bare.ts'
import { devpi } from '../servers/devpi.ts'
import { nginx } from '../servers/nginx.ts'
import { proxpi } from '../servers/proxpi.ts'
import type { RunningServer } from '../servers/server.ts'
import type { Listing } from '../servers/upstream.ts'
import type { Row } from '../table.ts'

interface Page extends Listing {
  readonly name: string
}

const PAGES = [
  { name: '20 kB', project: 'bench-small', files: 32 },
  { name: '2,000 files', project: 'bench-many', files: 2000 },
  { name: '2 MB', project: 'bench-large', files: 3170 },
] as const satisfies readonly Page[]

/** `gzip, deflate` is what pip asks pages with; uv adds zstd. */
const CODINGS = ['identity', 'gzip, deflate'] as const

const CONNECTIONS = 32

export const pages: Benchmark = {
  name: 'pages',
  about: 'warm project pages, JSON, plain and compressed',
  findObstacle: findLoadObstacle,
  async run(options) {
    await using lab = await openLab([arbor, nginx, devpi, proxpi], { listings: [...PAGES] }, options)
    await using bare = await startBareServer()
    const rows: Row[] = []
    const sizes: string[] = []
    for (const coding of CODINGS) {
      for (const page of PAGES) {
        const measured = await measurePage(page, coding, { lab, bare, options })
        rows.push(...measured.rows)
        sizes.push(measured.sizes)
      }
    }
    return [
      {
        title: `Warm project page, JSON, ${CONNECTIONS} connections`,
        columns: ['arbor', 'bare node', 'nginx', 'nginx as is', 'devpi', 'proxpi'],
        baseline: 'bare node',
        rows,
        notes: [
          'bare node: one process, the very bytes and headers of arbor, from memory',
          'nginx: links rewritten and pages compressed as they are sent, as PyPI needs it; nginx as is: the pages of an upstream that needs neither',
          ...sizes,
          ...lab.absences,
        ],
      },
    ]
  },
}

interface Parts {
  readonly lab: Lab
  readonly bare: BareServer
  readonly options: RunOptions
}

async function measurePage(
  page: Page,
  coding: string,
  { lab, bare, options }: Parts,
): Promise<{ rows: readonly Row[]; sizes: string }> {
  const headers = { Accept: ACCEPT_JSON, 'Accept-Encoding': coding }
  const targets: Target[] = []
  const sizes: string[] = []
  for (const target of lab.servers.flatMap((server) => targetsAt(server, page.project))) {
    const response = await fetchRaw(target.url, headers)
    assertPage(response, page, target.url)
    sizes.push(`${target.contestant} ${response.body.length}`)
    if (target.contestant === 'arbor') targets.push(await copyToBare(response, { page, coding, lab, bare }))
    targets.push(target)
  }
  const name = `${page.name}, ${coding.split(',')[0]}`
  const work = { name, unit: 'requests/s', connections: CONNECTIONS, headers, targets } as const
  if (coding === CODINGS[0] && page.project === PAGES[0].project) await warmUp(work, options, lab.folder)
  return { rows: await measureWarm(work, options, lab.folder), sizes: `${name}: ${sizes.join(', ')} bytes` }
}

function targetsAt({ name, slow, index, plainIndex, pid }: RunningServer, project: string): Target[] {
  const target = { contestant: name, slow, pid, url: `${index}${project}/` }
  if (plainIndex === undefined) return [target]
  return [target, { ...target, contestant: `${name} as is`, url: `${plainIndex}${project}/` }]
}

async function copyToBare(
  response: RawResponse,
  place: { readonly page: Listing; readonly coding: string; readonly lab: Lab; readonly bare: BareServer },
): Promise<Target> {
  const name = `${place.page.project}-${place.coding.split(',')[0]}`
  const file = join(place.lab.folder, name)
  await writeFile(file, response.body)
  const path = `/simple/${name}/`
  await place.bare.serve([{ path, file, headers: copyHeaders(response.headers), from: 'memory' }])
  return { contestant: 'bare node', slow: false, pid: place.bare.pid, url: `${place.bare.origin}${path}` }
}

/** Whoever sends half a page is fast. */
function assertPage({ body, headers }: RawResponse, { files }: Listing, url: string): void {
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const page = JSON.parse(text.toString()) as { files: readonly unknown[] }
  if (page.files.length !== files) throw new Error(`${url} lists ${page.files.length} files instead of ${files}`)
}
