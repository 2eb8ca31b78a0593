-- How much is there to read, and where does it lie? Rationales of loaded questions without a reading by $version.
-- $datasets, $teachers: NULL or the only ones asked for.
-- Grain: one row. Columns: how many; the first and the last rowid among them; rationales whose question is not loaded.
WITH mine AS (
    SELECT p.rowid AS place, p.rationale_key, q.question_key
    FROM rationale AS p
    JOIN reply AS r ON r.reply_key = p.reply_key
    LEFT JOIN question AS q ON q.question_key = r.question_key
    WHERE ($teachers::VARCHAR[] IS NULL OR list_contains($teachers::VARCHAR[], r.teacher))
        AND ($datasets::VARCHAR[] IS NULL OR q.dataset IS NULL OR list_contains($datasets::VARCHAR[], q.dataset))
        AND p.parser_version IN ($parser, $reasoned)
), unread AS (
    SELECT m.place FROM mine AS m
    ANTI JOIN (SELECT rationale_key FROM audit_text WHERE version = $version) AS a ON a.rationale_key = m.rationale_key
    WHERE m.question_key IS NOT NULL
)
SELECT (SELECT count(*) FROM unread), (SELECT min(place) FROM unread), (SELECT max(place) FROM unread),
    (SELECT count(*) FROM mine WHERE question_key IS NULL)
