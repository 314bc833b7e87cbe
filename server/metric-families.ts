import type { Job, JobKind } from '../routes/administration.ts'
import type { RepositoryStats } from '../routes/repository.ts'
import type { Run, RunKind, TrafficCounters } from '../storage/catalog/catalog.ts'
import type { ResponseTally } from './response-counts.ts'
import { version } from './version.ts'

/** All values of one name, for a monitoring system. Names and units as Prometheus has them: seconds, bytes, and `_total` for what only grows. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly Sample[]
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export interface CountedFacts {
  readonly stats: RepositoryStats
  readonly responses: ResponseTally
  /** By index. */
  readonly traffic: ReadonlyMap<string, TrafficCounters>
  readonly jobs: readonly Job[]
  readonly runs: Partial<Record<RunKind, Run>>
}

const JOB_KINDS: readonly JobKind[] = ['prune', 'scrub', 'warm']

/** What Arbor counts, in families. Labels have few values: never a project, a file or a path. */
export function describeCounted({ stats, responses, traffic, jobs, runs }: CountedFacts): readonly MetricFamily[] {
  return [
    gauge('arbor_build_info', 'Which Arbor this is, on which Node.', [
      { labels: { version, node: process.version }, value: 1 },
    ]),
    ...describeRequests(stats, responses),
    ...describeTraffic(traffic),
    ...describeDownloads(stats),
    ...describeUpstreams(stats),
    ...describeStore(stats),
    gauge(
      'arbor_jobs_running',
      'Jobs that run.',
      JOB_KINDS.map((kind) => {
        const running = jobs.filter((job) => job.kind === kind && job.state === 'running')
        return { labels: { kind }, value: running.length }
      }),
    ),
    gauge(
      'arbor_last_run_timestamp_seconds',
      'When the last prune and the last scrub that came to their end did so, whoever started them.',
      Object.entries(runs).map(([kind, { endedAt }]) => ({ labels: { kind }, value: endedAt / 1000 })),
    ),
  ]
}

function describeRequests({ requests, bytes }: RepositoryStats, responses: ResponseTally): readonly MetricFamily[] {
  const { files, pages } = requests
  return [
    counter(
      'arbor_requests_total',
      'Requests for files and project pages (a file that is fetched asks for its page too): hit, from the store; miss, upstream asked.',
      [
        { labels: { kind: 'file', result: 'hit' }, value: files.hits },
        { labels: { kind: 'file', result: 'miss' }, value: files.misses },
        { labels: { kind: 'page', result: 'hit' }, value: pages.hits },
        { labels: { kind: 'page', result: 'miss' }, value: pages.misses },
      ],
    ),
    counter(
      'arbor_stale_pages_total',
      'How often a page past its time was served, since upstream was in trouble.',
      pages.stale,
    ),
    counter(
      'arbor_http_responses_total',
      'Responses to all requests, by the class of their status.',
      Object.entries(responses).map(([code, value]) => ({ labels: { code }, value })),
    ),
    counter('arbor_sent_bytes_total', 'Bytes sent to clients, headers included.', bytes.served),
    counter('arbor_upstream_received_bytes_total', 'Bytes that upstreams sent, without headers.', bytes.fromUpstream),
    counter('arbor_saved_bytes_total', 'Bytes of files that came from the store instead of upstream.', bytes.saved),
  ]
}

function describeTraffic(traffic: CountedFacts['traffic']): readonly MetricFamily[] {
  const samples = (pick: (counters: TrafficCounters) => number, result?: string): Sample[] =>
    Array.from(traffic, ([index, counters]) => ({
      labels: { index, ...(result !== undefined && { result }) },
      value: pick(counters),
    }))
  return [
    counter('arbor_index_requests_total', 'Requests for pages, and for files at their URLs on pages, by index.', [
      ...samples(({ hits }) => hits, 'hit'),
      ...samples(({ misses }) => misses, 'miss'),
    ]),
    counter(
      'arbor_index_upstream_received_bytes_total',
      'Bytes of files that upstream sent, by index.',
      samples(({ bytesFromUpstream }) => bytesFromUpstream),
    ),
    counter(
      'arbor_index_sent_bytes_total',
      'Bytes of files that clients were sent, by index.',
      samples(({ bytesServed }) => bytesServed),
    ),
    counter(
      'arbor_index_saved_bytes_total',
      'Bytes of files that came from the store instead of upstream, by index.',
      samples(({ bytesSaved }) => bytesSaved),
    ),
  ]
}

function describeDownloads({ downloads }: RepositoryStats): readonly MetricFamily[] {
  return [
    gauge('arbor_downloads_running', 'Files that are being fetched.', downloads.running),
    counter('arbor_downloads_resumed_total', 'How often a download that broke was taken up again.', downloads.resumed),
    counter(
      'arbor_downloads_not_kept_total',
      'Downloads that were served, but not stored: there was no room.',
      downloads.notKept,
    ),
    counter(
      'arbor_downloads_failed_total',
      'Downloads that ended before the end of the file, by the code of the error.',
      Object.entries(downloads.failed).map(([code, value]) => ({ labels: { code }, value })),
    ),
  ]
}

function describeUpstreams({ upstreams }: RepositoryStats): readonly MetricFamily[] {
  const hosts = Object.entries(upstreams)
  return [
    gauge(
      'arbor_upstream_up',
      '1: the host is asked. 0: it is in trouble and left alone for a while, or about to be tried again.',
      hosts.map(([host, { state }]) => ({ labels: { host }, value: Number(state === 'closed') })),
    ),
    gauge(
      'arbor_upstream_failures',
      'Failures of the host in a row, since its last success.',
      hosts.map(([host, { failures }]) => ({ labels: { host }, value: failures })),
    ),
  ]
}

function describeStore({ store }: RepositoryStats): readonly MetricFamily[] {
  const { unpacked, refused, pending } = store.wheels
  return [
    gauge('arbor_store_pages', 'Project pages that are kept.', store.pages),
    gauge('arbor_store_distributions', 'Wheels and sdists that are stored.', store.distributions),
    gauge('arbor_store_wheels', 'Wheels that are stored, by what came of unpacking them.', [
      { labels: { state: 'unpacked' }, value: unpacked },
      { labels: { state: 'refused' }, value: refused },
      { labels: { state: 'pending' }, value: pending },
    ]),
    gauge('arbor_store_trees', 'Trees.', store.trees),
    gauge('arbor_store_blobs', 'Distinct contents: distributions, files of trees, manifests.', store.blobs),
    gauge('arbor_store_packs', 'Files that hold many small blobs each.', store.packs),
    gauge('arbor_store_files', 'Files on the disk, packs among them.', store.files),
    gauge('arbor_store_bytes', 'Bytes of the files on the disk.', store.storedBytes),
    gauge('arbor_store_unique_bytes', 'Bytes of distinct blobs, each once.', store.uniqueBytes),
    gauge('arbor_store_logical_bytes', 'Bytes that it would be if nothing were shared.', store.logicalBytes),
    gauge('arbor_store_slack_bytes', 'Bytes in packs that nothing needs any more.', store.slackBytes),
    gauge('arbor_disk_free_bytes', 'Bytes that are free on the disk of the data folder.', store.freeBytes),
    counter('arbor_store_damaged_files_total', 'Files that were found damaged or missing.', store.damaged),
  ]
}

export function counter(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name, help, type: 'counter', samples: samplesOf(value) }
}

export function gauge(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name, help, type: 'gauge', samples: samplesOf(value) }
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === 'number' ? [{ value }] : value
}
