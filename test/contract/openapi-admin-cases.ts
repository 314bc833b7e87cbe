import { admin, type Case, NONE, repository } from './openapi-cases.ts'

const jobs = repository.admin
const ended = jobs.startWarm({ index: repository.defaultIndex, text: '', format: undefined }).id
const running = jobs.startWarm({ index: repository.defaultIndex, text: '', format: undefined }).id
jobs.cancelJob(ended)

/** What takes the admin token, but for the stats and the prune that somebody waits for. */
export const adminCases: Case[] = [
  { id: 'getTraffic', path: '/admin/stats/traffic', status: 200, headers: admin },
  { id: 'getTraffic', path: '/admin/stats/traffic?by=project&since=2026-01-02&limit=5', status: 200, headers: admin },
  { id: 'getTraffic', path: '/admin/stats/traffic?by=hour', status: 400, headers: admin },
  { id: 'getMetrics', path: '/admin/metrics', status: 200, headers: admin },
  { id: 'listJobs', path: '/admin/jobs', status: 200, headers: admin },
  { id: 'getJob', path: `/admin/jobs/${ended}`, status: 200, headers: admin },
  { id: 'getJob', path: `/admin/jobs/${running}`, status: 200, headers: admin },
  { id: 'getJob', path: `/admin/jobs/${ended}`, status: 200, headers: { ...admin, Accept: 'text/event-stream' } },
  { id: 'cancelJob', path: `/admin/jobs/${ended}`, status: 200, headers: admin },
  { id: 'cancelJob', path: `/admin/jobs/${running}`, status: 202, headers: admin },
  { id: 'scrub', path: '/admin/scrub', status: 202, headers: admin },
  { id: 'scrub', path: '/admin/scrub', status: 202, headers: admin, body: '{"bytesPerSecond":"50MiB"}' },
  { id: 'scrub', path: '/admin/scrub', status: 400, headers: admin, body: '{"bytesPerSecond":0}' },
  {
    id: 'prune',
    path: '/admin/prune',
    status: 202,
    headers: { ...admin, Prefer: 'respond-async' },
    body: '{"dryRun":false}',
  },
  {
    id: 'prune',
    path: '/admin/prune',
    status: 409,
    headers: { ...admin, Prefer: 'respond-async' },
    body: '{"dryRun":false}',
  },
  { id: 'warm', path: '/admin/warm?index=main&format=requirements', status: 202, headers: admin, body: 'a==1.0\n' },
  { id: 'warm', path: '/admin/warm', status: 400, headers: admin, body: 'bad' },
  { id: 'warm', path: '/admin/warm?format=x', status: 400, headers: admin, body: 'a==1.0\n' },
  { id: 'warm', path: '/admin/warm?index=x', status: 404, headers: admin, body: 'a==1.0\n' },
  { id: 'addPin', path: '/admin/pins/A', status: 204, headers: admin },
  { id: 'addPin', path: '/admin/pins/a==1.0', status: 204, headers: admin },
  { id: 'addPin', path: `/admin/pins/sha256:${NONE}`, status: 204, headers: admin },
  { id: 'listPins', path: '/admin/pins', status: 200, headers: admin },
  { id: 'removePin', path: '/admin/pins/a%3D%3D1.0', status: 204, headers: admin },
  { id: 'removePin', path: '/admin/pins/x', status: 404, headers: admin },
  { id: 'forget', path: '/admin/forget', status: 200, headers: admin, body: '{"project":"a","index":"main"}' },
  { id: 'forget', path: '/admin/forget', status: 200, headers: admin, body: `{"sha256":"sha256:${NONE}"}` },
  { id: 'forget', path: '/admin/forget', status: 404, headers: admin, body: '{"page":"absent"}' },
  { id: 'forget', path: '/admin/forget', status: 409, headers: admin, body: '{"project":"pinned"}' },
  { id: 'forget', path: '/admin/forget', status: 400, headers: admin, body: '{}' },
  { id: 'refresh', path: '/admin/refresh', status: 200, headers: admin, body: '{"project":"a"}' },
  { id: 'refresh', path: '/admin/refresh', status: 404, headers: admin, body: '{"project":"a","index":"x"}' },
  { id: 'refresh', path: '/admin/refresh', status: 400, headers: admin, body: '{"project":1}' },
]
for (const [id, path] of [
  ['getJob', '/admin/jobs/x'],
  ['cancelJob', '/admin/jobs/x'],
] as const) {
  adminCases.push({ id, path, status: 404, headers: admin })
}
for (const [id, path] of [
  ['getJob', '/admin/jobs/a%2Fb'],
  ['cancelJob', '/admin/jobs/a%2Fb'],
  ['addPin', '/admin/pins/-'],
  ['removePin', '/admin/pins/-'],
] as const) {
  adminCases.push({ id, path, status: 400, headers: admin })
}
for (const [id, path] of [
  ['getTraffic', '/admin/stats/traffic'],
  ['getMetrics', '/admin/metrics'],
  ['listJobs', '/admin/jobs'],
  ['getJob', '/admin/jobs/x'],
  ['cancelJob', '/admin/jobs/x'],
  ['scrub', '/admin/scrub'],
  ['warm', '/admin/warm'],
  ['listPins', '/admin/pins'],
  ['addPin', '/admin/pins/a'],
  ['removePin', '/admin/pins/a'],
  ['forget', '/admin/forget'],
  ['refresh', '/admin/refresh'],
] as const) {
  adminCases.push({ id, path, status: 401 })
}
for (const id of ['scrub', 'warm', 'forget', 'refresh']) {
  const length = id === 'warm' ? 17 * 2 ** 20 : 70_000
  adminCases.push({ id, path: `/admin/${id}`, status: 413, headers: admin, body: ' '.repeat(length) })
}
