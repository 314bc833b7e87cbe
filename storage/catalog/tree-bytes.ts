/** A step of the schema. `tree_bytes` are those of a tree's files and its manifest, since both are among the blobs that they are held against. */
export const TREE_BYTES_WITH_MANIFESTS = `
UPDATE total SET tree_bytes = tree_bytes + (SELECT ifnull(sum(blob.size), 0) FROM tree JOIN blob USING (id));
DROP TRIGGER tree_added;
DROP TRIGGER tree_removed;
CREATE TRIGGER tree_added AFTER INSERT ON tree BEGIN
  UPDATE total SET trees = trees + 1, tree_bytes = tree_bytes + NEW.size + (SELECT size FROM blob WHERE id = NEW.id);
END;
-- A tree goes before its manifest's blob does.
CREATE TRIGGER tree_removed AFTER DELETE ON tree BEGIN
  UPDATE total SET trees = trees - 1, tree_bytes = tree_bytes - OLD.size - (SELECT size FROM blob WHERE id = OLD.id);
END;
`
