import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { listFiles } from '../wheels/listing.ts'
import { publishVariant } from '../wheels/variant.ts'
import { offer } from './forked.ts'
import type { UpstreamOffer } from './upstream.ts'

let upstream: Upstream | undefined

offer({
  async start({ folders = [], listings = [], variants = [], quirks = {} }) {
    const distributions = [...listings.flatMap(listFiles), ...(await Promise.all(variants.map(publishVariant)))]
    upstream = await startUpstream({ folders, distributions, quirks })
    return upstream.url
  },
  setQuirks(quirks) {
    if (upstream !== undefined) Object.assign(upstream.quirks, quirks)
  },
  takeCounts() {
    const requests = upstream?.requests.splice(0) ?? []
    const downloads = requests.filter(
      ({ method, path }) => method === 'GET' && path.startsWith('/packages/') && !path.endsWith('.metadata'),
    )
    return {
      downloads: downloads.length,
      bytes: downloads.reduce((sum, request) => sum + request.bytesSent, 0),
      requests: requests.length,
    }
  },
} satisfies UpstreamOffer)
