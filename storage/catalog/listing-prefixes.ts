/**
 * A step of the schema. The first four bytes of each SHA-256 that a page lists, one after the other. Pages that were there before get theirs
 * after the start.
 */
export const LISTING_PREFIXES = `
CREATE TABLE listing (
  page INTEGER PRIMARY KEY REFERENCES page (id) ON DELETE CASCADE,
  prefixes BLOB NOT NULL
) STRICT;
`
