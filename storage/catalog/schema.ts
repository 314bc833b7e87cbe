import { CLAIMED_METADATA } from './claimed-metadata.ts'
import { LISTING_PREFIXES } from './listing-prefixes.ts'
import { TREE_BYTES_WITH_MANIFESTS } from './tree-bytes.ts'
import { UNSYNCED } from './unsynced.ts'

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
  `
-- For walks over the files.
CREATE INDEX blob_file ON blob (id) WHERE pack IS NULL;

-- With when it was saved, before the content, which may be long. What was there before counts as saved now.
ALTER TABLE metadata RENAME TO metadata_before;
CREATE TABLE metadata (
  id INTEGER PRIMARY KEY,
  wheel BLOB NOT NULL UNIQUE CHECK (length(wheel) = 32),
  saved_at INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;
INSERT INTO metadata (id, wheel, saved_at, content)
  SELECT id, wheel, CAST(unixepoch('subsec') * 1000 AS INTEGER), content FROM metadata_before;
DROP TABLE metadata_before;
CREATE INDEX metadata_saved ON metadata (saved_at, wheel);

CREATE TABLE pin (
  -- The same for all spellings of a version.
  key TEXT PRIMARY KEY,
  pin TEXT NOT NULL,
  pinned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  kind TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE traffic (
  -- Whole days since the epoch, UTC.
  day INTEGER NOT NULL,
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  bytes_from_upstream INTEGER NOT NULL,
  bytes_served INTEGER NOT NULL,
  bytes_saved INTEGER NOT NULL,
  PRIMARY KEY (day, index_name, project)
) STRICT, WITHOUT ROWID;

-- Running totals of what was seen on an index under a project; a distribution under two names counts once. Kept by triggers.
CREATE TABLE project (
  id INTEGER PRIMARY KEY,
  index_name TEXT NOT NULL,
  project TEXT NOT NULL,
  distributions INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  UNIQUE (index_name, project)
) STRICT;
CREATE INDEX project_bytes ON project (bytes);
CREATE INDEX project_used ON project (used_at);
INSERT INTO project (index_name, project, distributions, bytes, used_at)
  SELECT index_name, project, count(*), sum(size), max(used_at)
  FROM (SELECT DISTINCT distribution, index_name, project FROM sighting) JOIN distribution ON distribution.id = distribution
  GROUP BY index_name, project;

CREATE TRIGGER sighting_added AFTER INSERT ON sighting
WHEN NOT EXISTS (SELECT 1 FROM sighting WHERE distribution = NEW.distribution AND index_name = NEW.index_name
  AND project = NEW.project AND id <> NEW.id)
BEGIN
  INSERT INTO project (index_name, project, distributions, bytes, used_at)
    SELECT NEW.index_name, NEW.project, 1, size, used_at FROM distribution WHERE id = NEW.distribution
    ON CONFLICT (index_name, project) DO UPDATE
      SET distributions = distributions + 1, bytes = bytes + excluded.bytes, used_at = max(used_at, excluded.used_at);
END;
CREATE TRIGGER sighting_removed AFTER DELETE ON sighting
WHEN NOT EXISTS (SELECT 1 FROM sighting WHERE distribution = OLD.distribution AND index_name = OLD.index_name
  AND project = OLD.project)
BEGIN
  -- The distribution's own row is gone already when its sightings follow it; its blob goes later.
  UPDATE project SET distributions = distributions - 1,
    bytes = bytes - (SELECT size FROM blob WHERE id = OLD.distribution)
    WHERE index_name = OLD.index_name AND project = OLD.project;
  DELETE FROM project WHERE index_name = OLD.index_name AND project = OLD.project AND distributions = 0;
END;
CREATE TRIGGER distribution_used AFTER UPDATE OF used_at ON distribution WHEN NEW.used_at > OLD.used_at BEGIN
  UPDATE project SET used_at = NEW.used_at
    WHERE id IN (SELECT seen.id FROM sighting CROSS JOIN project AS seen USING (index_name, project)
      WHERE distribution = NEW.id) AND used_at < NEW.used_at;
END;
`,
  `
CREATE TABLE upload_time (
  page INTEGER NOT NULL REFERENCES page (id) ON DELETE CASCADE,
  -- The SHA-256 of a file that it lists, stored or not.
  file BLOB NOT NULL CHECK (length(file) = 32),
  uploaded_at INTEGER NOT NULL,
  PRIMARY KEY (page, file)
) STRICT, WITHOUT ROWID;
`,
  `
CREATE TABLE unhashed_file (
  id INTEGER PRIMARY KEY,
  index_name TEXT NOT NULL,
  url TEXT NOT NULL,
  listing TEXT NOT NULL,
  validator TEXT,
  checked_at INTEGER NOT NULL,
  distribution INTEGER NOT NULL REFERENCES distribution (id) ON DELETE CASCADE,
  UNIQUE (index_name, url)
) STRICT;
CREATE INDEX unhashed_file_distribution ON unhashed_file (distribution);
`,
  `
-- The limits that a wheel refused for its size was judged by.
ALTER TABLE distribution ADD COLUMN limits TEXT;
CREATE INDEX distribution_unchecked ON distribution (stored_at) WHERE record = 'pending';
`,
  LISTING_PREFIXES,
  CLAIMED_METADATA,
  TREE_BYTES_WITH_MANIFESTS,
  // The URL of the index that the page came from; NULL: it was not noted.
  'ALTER TABLE page ADD COLUMN source TEXT;',
  UNSYNCED,
]
