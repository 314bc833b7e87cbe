import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type CountedFacts, describeCounted } from '../../server/metric-families.ts'
import { renderFamilies } from '../../server/prometheus.ts'
import { ResponseCounts } from '../../server/response-counts.ts'
import { Arbor, startArbor } from '../support/arbor.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const demo = { name: 'demo', version: '1.0' }
const listed = await distributionOf(wheelFilename(demo), makeWheel(demo))

interface Scraped {
  /** By name and labels, as they stand in the text. */
  readonly values: ReadonlyMap<string, number>
  readonly types: ReadonlyMap<string, string>
}

/** Reads the text format as Prometheus does: what is no sample of a family that was introduced is a failure. */
function parse(text: string): Scraped {
  const values = new Map<string, number>()
  const types = new Map<string, string>()
  const helped = new Set<string>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, comment, about = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? []
    if (comment === 'HELP') helped.add(about)
    else if (comment === 'TYPE') {
      assert.ok(helped.has(about) && !types.has(about), line)
      types.set(about, rest)
    } else {
      const [, sample = '', name = '', value = ''] =
        /^(([a-z_]+)(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})?) (\S+)$/.exec(line) ?? []
      assert.ok(types.has(name) && !values.has(sample) && Number.isFinite(Number(value)), line)
      assert.equal(types.get(name), name.endsWith('_total') ? 'counter' : 'gauge', line)
      values.set(sample, Number(value))
    }
  }
  return { values, types }
}

async function facts(): Promise<CountedFacts> {
  const stats = await new MemoryRepository().stats()
  return { stats, responses: new ResponseCounts().tally(), traffic: new Map(), jobs: [], runs: {} }
}

test('what has a name of a host, or of an error, keeps it; a host in trouble is not up', async () => {
  const { stats, ...rest } = await facts()
  const downloads = { ...stats.downloads, failed: { ERR_UPSTREAM_TIMEOUT: 2, 'odd"\\\ncode': 1 } }
  const upstreams = {
    ...stats.upstreams,
    'https://probed.example': { state: 'half-open', failures: 6, openUntil: '2024-01-01T00:00:02.000Z' },
  } as const
  const runs = { scrub: { endedAt: 1_500_000_000_500, outcome: {} } } as CountedFacts['runs']
  const families = describeCounted({ ...rest, stats: { ...stats, downloads, upstreams }, runs })
  const { values } = parse(await renderFamilies(families))
  const expected = {
    'arbor_upstream_up{host="https://index.example"}': 1,
    'arbor_upstream_up{host="https://files.example"}': 0,
    'arbor_upstream_up{host="https://probed.example"}': 0,
    'arbor_upstream_failures{host="https://probed.example"}': 6,
    'arbor_downloads_failed_total{code="ERR_UPSTREAM_TIMEOUT"}': 2,
    'arbor_downloads_failed_total{code="odd\\"\\\\\\ncode"}': 1,
    'arbor_last_run_timestamp_seconds{kind="scrub"}': 1_500_000_000.5,
  }
  for (const [sample, value] of Object.entries(expected)) assert.equal(values.get(sample), value, sample)
})

test('what has no value yet is not told as 0', async () => {
  const { stats, ...rest } = await facts()
  const { types } = parse(await renderFamilies(describeCounted({ ...rest, stats: { ...stats, upstreams: {} } })))
  for (const name of ['arbor_upstream_up', 'arbor_downloads_failed_total', 'arbor_last_run_timestamp_seconds']) {
    assert.equal(types.has(name), false, name)
  }
  assert.ok(types.has('arbor_downloads_running'))
})

test(
  'a first scrape for which no file could be opened is not the last one',
  { skip: process.platform === 'win32' },
  async () => {
    const script = `
    import { closeSync, openSync } from 'node:fs'
    import { renderFamilies } from '${new URL('../../server/prometheus.ts', import.meta.url).href}'
    const held = []
    const hold = () => { for (;;) held.push(openSync('/dev/null')) }
    try { hold() } catch {}
    closeSync(held.pop())
    const families = [{ name: 'some', help: 'Some.', type: 'gauge', samples: [{ value: 1 }] }]
    // It fails sooner or later, and with what code, as Node has need of files.
    await renderFamilies(families).catch(() => {})
    held.forEach((one) => closeSync(one))
    console.log(await renderFamilies(families))`
    const node = ['-c', 'ulimit -n 60 && exec "$0" "$@"', process.execPath, '--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)('sh', node, { timeout: 20_000 })
    assert.match(stdout, /^some 1$/m)
  },
)

test('a scrape says what was asked for, from the first request of a client on', async () => {
  await using upstream = await startUpstream({ distributions: [listed] })
  await using arbor = await startArbor({ upstream: upstream.url })
  const headers = { authorization: `Bearer ${Arbor.adminToken}` }
  const scrape = async (): Promise<Scraped> => {
    const { status, body } = await ask(arbor.url, '/admin/metrics', { headers })
    assert.equal(status, 200)
    return parse(body.toString())
  }
  const before = await scrape()
  const page = await (await fetch(`${arbor.url}/simple/demo/`)).text()
  const [file = ''] = /files\/[^"#]+\.whl(?=[#"])/.exec(page) ?? []
  const wheel = (await ask(arbor.url, `/${file}`)).body
  // Waits until it is stored.
  assert.equal((await ask(arbor.url, `/wheels/sha256:${listed.sha256}/tree`)).status, 200)
  assert.equal((await ask(arbor.url, `/${file}`)).body.length, wheel.length)
  assert.equal((await ask(arbor.url, '/admin/metrics')).status, 401)
  assert.equal((await ask(arbor.url, '/simple/absent/')).status, 404)
  assert.equal((await ask(arbor.url, '/simple/demo')).status, 301)
  assert.equal((await ask(arbor.url, '/', { headers: { expect: 'nonsense' } })).status, 417)
  const head = await ask(arbor.url, '/admin/metrics', { method: 'HEAD', headers })
  assert.deepEqual([head.status, head.body.length], [200, 0])
  assert.equal(head.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const after = await scrape()
  const gained = (sample: string): number => (after.values.get(sample) ?? 0) - (before.values.get(sample) ?? 0)
  const expected = {
    'arbor_requests_total{kind="file",result="hit"}': 1,
    'arbor_requests_total{kind="file",result="miss"}': 1,
    'arbor_requests_total{kind="page",result="miss"}': 2,
    'arbor_index_requests_total{index="main",result="miss"}': 2,
    'arbor_index_saved_bytes_total{index="main"}': wheel.length,
    arbor_saved_bytes_total: wheel.length,
    arbor_store_distributions: 1,
    // The first scrape did not count itself.
    'arbor_http_responses_total{code="2xx"}': 6,
    'arbor_http_responses_total{code="3xx"}': 1,
    'arbor_http_responses_total{code="4xx"}': 3,
    'arbor_http_responses_total{code="5xx"}': 0,
  }
  for (const [sample, value] of Object.entries(expected)) assert.equal(gained(sample), value, sample)
  assert.equal(before.values.get('arbor_http_responses_total{code="2xx"}'), 0)
  assert.equal(before.values.get('arbor_sent_bytes_total'), 0)
  assert.ok(gained('arbor_sent_bytes_total') > 2 * wheel.length)
  assert.ok(gained('arbor_upstream_received_bytes_total') >= wheel.length)
  assert.equal(after.values.get(`arbor_upstream_up{host="${new URL(upstream.url).origin}"}`), 1)
  const startedAt = after.values.get('process_start_time_seconds') ?? 0
  assert.ok(Math.abs(Date.now() / 1000 - startedAt) < 600)
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'arbor_disk_free_bytes']) {
    assert.ok((after.values.get(name) ?? 0) > 0, name)
  }
  if (process.platform === 'linux') {
    assert.ok((after.values.get('process_open_fds') ?? 0) < (after.values.get('process_max_fds') ?? 0))
  }
})
