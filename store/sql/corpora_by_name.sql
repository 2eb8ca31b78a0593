-- Which corpora does $name mean: a corpus's name, a family's, a corpus's hash, or the first 8 digits or more of one?
-- Grain: one corpus; a family's compared ones by level, then its controls. Columns: corpus_hash, name (of a corpus without a given one, the
-- name it was recorded with), manifest (the name's own where it has one).
WITH exact AS (
    SELECT corpus_hash, name, manifest, false AS is_control, level FROM corpus_name_now WHERE name = $name
), family AS (
    SELECT corpus_hash, name, manifest, control IS NOT NULL AS is_control, level FROM corpus_name_now
    WHERE family = $name AND NOT EXISTS (SELECT 1 FROM exact)
), hashed AS (
    SELECT c.corpus_hash, coalesce(n.name, c.name) AS name, coalesce(n.manifest, c.manifest) AS manifest, false AS is_control, NULL AS level
    FROM corpus AS c LEFT JOIN corpus_named AS n ON n.corpus_hash = c.corpus_hash
    WHERE length($name) >= 8 AND starts_with(c.corpus_hash, $name)
      AND NOT EXISTS (SELECT 1 FROM exact) AND NOT EXISTS (SELECT 1 FROM family)
)
SELECT corpus_hash, name, manifest FROM (FROM exact UNION ALL FROM family UNION ALL FROM hashed)
ORDER BY is_control, level NULLS FIRST, name
