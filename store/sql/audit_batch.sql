-- Which rationales stored at rowids $low to $high have no reading by $version? (As audit_todo.sql, a slice at a time.)
-- Grain: one rationale. Columns: its key and text, the question it is read against, whether only an answer was asked.
WITH slice AS (
    SELECT rationale_key, reply_key, parser_version, text FROM rationale
    WHERE rowid >= $low::BIGINT AND rowid <= $high::BIGINT AND parser_version IN ($parser, $reasoned)
), unread AS (
    SELECT s.* FROM slice AS s
    ANTI JOIN (SELECT rationale_key FROM audit_text WHERE version = $version) AS a ON a.rationale_key = s.rationale_key
), bare AS (
    SELECT DISTINCT m.reply_key FROM cell_member AS m
    JOIN cell AS c ON c.cell_key = m.cell_key WHERE c.format = 'answer-only'
)
SELECT u.rationale_key, u.text AS rationale, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold, b.reply_key IS NOT NULL
FROM unread AS u
JOIN reply AS r ON r.reply_key = u.reply_key
JOIN question AS q ON q.question_key = r.question_key
LEFT JOIN bare AS b ON b.reply_key = u.reply_key
WHERE ($teachers::VARCHAR[] IS NULL OR list_contains($teachers::VARCHAR[], r.teacher))
    AND ($datasets::VARCHAR[] IS NULL OR list_contains($datasets::VARCHAR[], q.dataset))
