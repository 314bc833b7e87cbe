import type { OfferedIndex } from '../routes/home.ts'
import type { Config } from './config.ts'
import type { IndexConfig } from './config/indexes.ts'

type Indexes = Pick<Config, 'indexes' | 'virtuals'>

/** All indexes, for whoever looks for one to point an installer at; virtual ones first, since they are made for that. */
export function listOffered({ indexes, virtuals }: Indexes): OfferedIndex[] {
  return [
    ...virtuals.map((virtual) => ({ name: virtual.name, default: virtual.default, from: virtual.indexes })),
    ...indexes.map((index) => ({ name: index.name, default: index.default, from: [index.url.host] })),
  ]
}

/** J1: where to publish instead: what the index's upstream takes, else the upstream itself; for a virtual index its first. */
export function findUpload({ indexes, virtuals }: Indexes, name: string | undefined): string | undefined {
  const isMeant = (candidate: Pick<IndexConfig, 'name' | 'default'>): boolean =>
    name === undefined ? candidate.default : candidate.name === name
  const first = virtuals.find(isMeant)?.indexes[0]
  const index = indexes.find((candidate) => (first === undefined ? isMeant(candidate) : candidate.name === first))
  return index?.uploadUrl ?? index?.url.href
}
