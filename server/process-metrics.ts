import type { Io } from '../storage/io.ts'
import { counter, gauge, type MetricFamily } from './metric-families.ts'

/**
 * What the system and Node say of this process, under the names that dashboards know (prom-client's, and OpenTelemetry's for the event loop). All of it
 * is read here and now: nothing is measured in between.
 */
export async function describeProcess(io: Io): Promise<readonly MetricFamily[]> {
  const { user, system } = process.cpuUsage()
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
  const { active, idle } = performance.eventLoopUtilization()
  return [
    counter('process_cpu_user_seconds_total', 'Processor time of its own, all threads.', user / 1e6),
    counter('process_cpu_system_seconds_total', 'Processor time in the kernel, all threads.', system / 1e6),
    counter('process_cpu_seconds_total', 'Processor time, both together.', (user + system) / 1e6),
    gauge('process_start_time_seconds', 'When it started, since the epoch.', Math.round(performance.timeOrigin) / 1000),
    gauge('process_resident_memory_bytes', 'Memory that it has.', rss),
    gauge('nodejs_heap_size_total_bytes', 'Memory for JavaScript objects of the main thread.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'What JavaScript objects of the main thread use of it.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory for bytes outside of that heap.', external),
    counter('nodejs_eventloop_time_seconds_total', 'How long the event loop was at work, and waited for work.', [
      { labels: { state: 'active' }, value: active / 1000 },
      { labels: { state: 'idle' }, value: idle / 1000 },
    ]),
    // Where they cannot be read, as when no file can be opened any more, the rest counts the more.
    ...(await describeDescriptors(io).catch(() => [])),
  ]
}

async function describeDescriptors(io: Io): Promise<readonly MetricFamily[]> {
  const open = await io.list('/proc/self/fd')
  const max = /^Max open files +(\d+)/m.exec(await readLimits(io))?.[1]
  return [
    // One is of the listing itself.
    gauge('process_open_fds', 'Files and connections that are open.', open.length === 0 ? [] : open.length - 1),
    gauge('process_max_fds', 'How many may be open (ulimit -n).', max === undefined ? [] : Number(max)),
  ]
}

async function readLimits(io: Io): Promise<string> {
  const file = await io.openIfPresent('/proc/self/limits')
  if (file === undefined) return ''
  try {
    // It says to have no bytes.
    const bytes = new Uint8Array(8192)
    return new TextDecoder().decode(bytes.subarray(0, await file.read(bytes, 0)))
  } finally {
    await file.close()
  }
}
