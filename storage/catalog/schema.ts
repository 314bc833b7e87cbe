/** "Arbo" in ASCII: marks the file as ours (PRAGMA application_id). */
export const APPLICATION_ID = 0x4172626f

/**
 * What takes a database from version n to n + 1, by n; the length is the newest version (PRAGMA user_version). A step that was
 * released is never changed.
 *
 * References *to* a blob are counted in it (`needs`, `holds`) and not indexed from its side: a wheel's thousands of files would cost
 * as many random writes again, and prune would still have to count.
 */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE blob (
  id INTEGER PRIMARY KEY,
  blake3 BLOB NOT NULL UNIQUE CHECK (length(blake3) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  -- The blob that it is a slice of, and where; NULL: it has a file of its own.
  pack INTEGER,
  offset INTEGER CHECK (offset >= 0),
  -- How many distributions and trees need its bytes.
  needs INTEGER NOT NULL CHECK (needs >= 0),
  -- How many blobs are slices of it; NULL: it was never a pack.
  holds INTEGER CHECK (holds >= 0),
  CHECK ((pack IS NULL) = (offset IS NULL)),
  CHECK (pack IS NULL OR holds IS NULL)
) STRICT;
CREATE INDEX blob_unneeded ON blob (id) WHERE needs = 0 AND ifnull(holds, 0) = 0;

CREATE TABLE tree (
  -- The manifest's blob.
  id INTEGER PRIMARY KEY REFERENCES blob (id),
  dirhash BLOB NOT NULL CHECK (length(dirhash) = 32),
  archive_id TEXT NOT NULL,
  file_count INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- How many distributions unpack to it; kept by triggers.
  wheels INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tree_dirhash ON tree (dirhash);
CREATE INDEX tree_archive_id ON tree (archive_id);
CREATE INDEX tree_unneeded ON tree (id) WHERE wheels = 0;

CREATE TABLE tree_blob (
  tree INTEGER NOT NULL REFERENCES tree (id),
  blob INTEGER NOT NULL,
  PRIMARY KEY (tree, blob)
) STRICT, WITHOUT ROWID;

CREATE TABLE distribution (
  -- Its bytes' blob.
  id INTEGER PRIMARY KEY REFERENCES blob (id),
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  size INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  -- 1: it was seen under the name of a wheel.
  wheel INTEGER NOT NULL DEFAULT 0 CHECK (wheel IN (0, 1)),
  -- The outcome of unpacking it: a tree with RECORD's verdict, or a refusal.
  tree INTEGER REFERENCES tree (id),
  record TEXT,
  reason TEXT,
  detail TEXT,
  path TEXT,
  policy INTEGER,
  CHECK ((tree IS NULL) = (record IS NULL)),
  CHECK ((reason IS NULL) = (policy IS NULL) AND (reason IS NULL) = (detail IS NULL)),
  CHECK (tree IS NULL OR reason IS NULL)
) STRICT;
CREATE INDEX distribution_used ON distribution (used_at);
CREATE INDEX distribution_tree ON distribution (tree);
CREATE INDEX distribution_unpackable ON distribution (stored_at) WHERE wheel = 1 AND tree IS NULL;

CREATE TABLE sighting (
  id INTEGER PRIMARY KEY,
  distribution INTEGER NOT NULL REFERENCES distribution (id) ON DELETE CASCADE,
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  filename TEXT NOT NULL,
  UNIQUE (distribution, index_name, project, filename)
) STRICT;

CREATE TABLE page (
  id INTEGER PRIMARY KEY,
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  etag TEXT,
  last_modified TEXT,
  fetched_at INTEGER NOT NULL,
  UNIQUE (index_name, project)
) STRICT;
-- Apart, so that "not modified" does not write a megabyte again.
CREATE TABLE page_content (
  page INTEGER PRIMARY KEY REFERENCES page (id) ON DELETE CASCADE,
  content TEXT NOT NULL
) STRICT;

CREATE TABLE metadata (
  id INTEGER PRIMARY KEY,
  wheel BLOB NOT NULL UNIQUE CHECK (length(wheel) = 32),
  content BLOB NOT NULL
) STRICT;

-- Running totals: those of blobs are kept by code, a whole tree at a time, since a trigger per blob takes longer than the insert.
CREATE TABLE total (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  files INTEGER NOT NULL DEFAULT 0,
  file_bytes INTEGER NOT NULL DEFAULT 0,
  slices INTEGER NOT NULL DEFAULT 0,
  slice_bytes INTEGER NOT NULL DEFAULT 0,
  packs INTEGER NOT NULL DEFAULT 0,
  pack_bytes INTEGER NOT NULL DEFAULT 0,
  distributions INTEGER NOT NULL DEFAULT 0,
  distribution_bytes INTEGER NOT NULL DEFAULT 0,
  unpacked INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0,
  trees INTEGER NOT NULL DEFAULT 0,
  tree_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO total (id) VALUES (1);

CREATE TRIGGER distribution_added AFTER INSERT ON distribution BEGIN
  UPDATE total SET distributions = distributions + 1, distribution_bytes = distribution_bytes + NEW.size,
    unpacked = unpacked + (NEW.tree IS NOT NULL), refused = refused + (NEW.reason IS NOT NULL),
    pending = pending + (NEW.wheel AND NEW.tree IS NULL AND NEW.reason IS NULL);
  UPDATE tree SET wheels = wheels + 1 WHERE id = NEW.tree;
END;
CREATE TRIGGER distribution_changed AFTER UPDATE OF wheel, tree, reason ON distribution BEGIN
  UPDATE total SET
    unpacked = unpacked + (NEW.tree IS NOT NULL) - (OLD.tree IS NOT NULL),
    refused = refused + (NEW.reason IS NOT NULL) - (OLD.reason IS NOT NULL),
    pending = pending + (NEW.wheel AND NEW.tree IS NULL AND NEW.reason IS NULL)
      - (OLD.wheel AND OLD.tree IS NULL AND OLD.reason IS NULL);
  UPDATE tree SET wheels = wheels - 1 WHERE id = OLD.tree;
  UPDATE tree SET wheels = wheels + 1 WHERE id = NEW.tree;
END;
CREATE TRIGGER distribution_removed AFTER DELETE ON distribution BEGIN
  UPDATE total SET distributions = distributions - 1, distribution_bytes = distribution_bytes - OLD.size,
    unpacked = unpacked - (OLD.tree IS NOT NULL), refused = refused - (OLD.reason IS NOT NULL),
    pending = pending - (OLD.wheel AND OLD.tree IS NULL AND OLD.reason IS NULL);
  UPDATE tree SET wheels = wheels - 1 WHERE id = OLD.tree;
END;
CREATE TRIGGER tree_added AFTER INSERT ON tree BEGIN
  UPDATE total SET trees = trees + 1, tree_bytes = tree_bytes + NEW.size;
END;
CREATE TRIGGER tree_removed AFTER DELETE ON tree BEGIN
  UPDATE total SET trees = trees - 1, tree_bytes = tree_bytes - OLD.size;
END;
`,
  `CREATE INDEX sighting_project ON sighting (index_name, project);`,
]
