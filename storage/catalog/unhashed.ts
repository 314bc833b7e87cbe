import type { Sha256 } from '../digest.ts'
import type { UnhashedFile } from '../model.ts'
import type { IndexName } from '../names.ts'
import type { Catalog } from './catalog.ts'
import { blake3Of, rawDigest, sha256Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import type { Transactions } from './transactions.ts'

/** The part of the catalog that is about files without a listed SHA-256. */
export function unhashedOf(db: Transactions): Pick<Catalog, 'findUnhashed' | 'findUnhashedListings' | 'saveUnhashed'> {
  return {
    findUnhashed: (index, url) => db.read((connection) => findUnhashed(connection, index, url)),
    findUnhashedListings: (index, urls) => db.read((connection) => findUnhashedListings(connection, index, urls)),
    saveUnhashed: (index, url, file) => db.write('normal', (connection) => saveUnhashed(connection, index, url, file)),
  }
}

function findUnhashed(connection: Connection, index: IndexName, url: string): UnhashedFile | undefined {
  const row = connection.find<{
    listing: string
    validator: string | null
    checkedAt: number
    sha256: Uint8Array
    blake3: Uint8Array
    size: number
    storedAt: number
  }>(
    `SELECT listing, validator, checked_at AS checkedAt, sha256, blake3, distribution.size, stored_at AS storedAt
     FROM unhashed_file JOIN distribution ON distribution.id = distribution JOIN blob ON blob.id = distribution
     WHERE index_name = ? AND url = ?`,
    index,
    url,
  )
  if (row === undefined) return undefined
  const { listing, validator, checkedAt, sha256, blake3, size, storedAt } = row
  const distribution = { sha256: sha256Of(sha256), blake3: blake3Of(blake3), size, storedAt }
  return { listing, validator: validator ?? undefined, checkedAt, distribution }
}

function findUnhashedListings(connection: Connection, index: IndexName, urls: readonly string[]): Map<string, string> {
  const rows = connection.all<{ url: string; listing: string }>(
    `SELECT url, listing FROM json_each(?) CROSS JOIN unhashed_file ON index_name = ? AND url = value`,
    JSON.stringify(urls),
    index,
  )
  return new Map(rows.map(({ url, listing }) => [url, listing]))
}

/** Does nothing where the distribution is not stored; the row goes with the distribution. */
function saveUnhashed(
  connection: Connection,
  index: IndexName,
  url: string,
  file: Omit<UnhashedFile, 'distribution'> & { readonly sha256: Sha256 },
): void {
  connection.run(
    `INSERT INTO unhashed_file (index_name, url, listing, validator, checked_at, distribution)
     SELECT ?, ?, ?, ?, ?, id FROM distribution WHERE sha256 = ?
     ON CONFLICT (index_name, url) DO UPDATE SET listing = excluded.listing, validator = excluded.validator,
       checked_at = excluded.checked_at, distribution = excluded.distribution`,
    index,
    url,
    file.listing,
    file.validator ?? null,
    file.checkedAt,
    rawDigest(file.sha256),
  )
}
