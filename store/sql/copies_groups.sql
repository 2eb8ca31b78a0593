-- Which data sets of which teachers have rationales that were never compared by $version, and how many have they in all?
-- Answers alone repeat each other by nature and are left out, and so are repeated rows of an import (exact-duplicate).
-- Grain: one data set of one teacher with something to compare. Columns: data set, teacher, rationales, of which new.
SELECT c.dataset, c.teacher, count(DISTINCT p.rationale_key), count(DISTINCT p.rationale_key) FILTER (a.rationale_key IS NULL)
FROM rationale AS p
JOIN reply AS r ON r.reply_key = p.reply_key AND r.status <> 'duplicate'
JOIN cell_member AS m ON m.reply_key = p.reply_key
JOIN cell AS c ON c.cell_key = m.cell_key AND c.format IS DISTINCT FROM 'answer-only'
LEFT JOIN (SELECT rationale_key FROM audit_copies WHERE version = $version) AS a ON a.rationale_key = p.rationale_key
WHERE p.parser_version = $parser
    AND ($teachers::VARCHAR[] IS NULL OR list_contains($teachers::VARCHAR[], c.teacher))
    AND ($datasets::VARCHAR[] IS NULL OR list_contains($datasets::VARCHAR[], c.dataset))
GROUP BY c.dataset, c.teacher
HAVING count(*) FILTER (a.rationale_key IS NULL) > 0
ORDER BY c.dataset, c.teacher
