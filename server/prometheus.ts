import { createRequire } from 'node:module'
import type * as promClient from 'prom-client'
import type { MetricFamily } from './metric-families.ts'

const load = createRequire(import.meta.url)

/**
 * Families in Prometheus' text format, version 0.0.4. prom-client is loaded with the first scrape: that takes 20 ms and 9 MB, for which who does not
 * scrape has no use. Not with `import`, which would fail for ever once it failed, as when no file could be opened at that moment.
 */
export async function renderFamilies(families: readonly MetricFamily[]): Promise<string> {
  const { Counter, Gauge, Registry } = load('prom-client') as typeof promClient
  // A new one each time: a sample that is gone leaves nothing behind, and two scrapes at once are two.
  const registry = new Registry()
  for (const { name, help, type, samples } of families) {
    // prom-client would say 0 of what has no value.
    if (samples[0] === undefined) continue
    const options = { name, help, labelNames: Object.keys(samples[0].labels ?? {}), registers: [registry] }
    const metric = type === 'counter' ? new Counter(options) : new Gauge(options)
    for (const { labels = {}, value } of samples) metric.inc(labels, value)
  }
  return registry.metrics()
}
