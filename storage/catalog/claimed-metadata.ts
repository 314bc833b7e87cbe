/** A step of the schema. `index_name` is the index that claims this METADATA of a wheel; empty: it was read from the whole wheel. */
export const CLAIMED_METADATA = `
ALTER TABLE metadata RENAME TO metadata_before;
CREATE TABLE metadata (
  id INTEGER PRIMARY KEY,
  wheel BLOB NOT NULL CHECK (length(wheel) = 32),
  index_name TEXT NOT NULL,
  saved_at INTEGER NOT NULL,
  content BLOB NOT NULL,
  UNIQUE (wheel, index_name)
) STRICT;
INSERT INTO metadata (id, wheel, index_name, saved_at, content)
  SELECT id, wheel, '', saved_at, content FROM metadata_before;
DROP TABLE metadata_before;
CREATE INDEX metadata_saved ON metadata (saved_at, wheel);
`
