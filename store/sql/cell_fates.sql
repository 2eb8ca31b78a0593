-- What becomes of each wanted reply of cell $cell when a corpus is made of it: kept, or the reason why not?
-- The leak guard comes first: a question that is in any loaded test split, by key or by its words, never trains.
-- Of the members only the first $samples of each question, sampled as one of $samplings; a question whose key is above $up_to is
-- beyond what was asked for. NULL: all. $reasoned: the rationale is the model's reasoning trace with its answer after it, not the visible answer alone.
-- Grain: one member of the cell. Columns: question, rationale, fate.
WITH held_out AS (
    SELECT DISTINCT text_key FROM question WHERE split <> 'train'
), chosen AS (
    SELECT reply_key, rationale_key, text, verdict FROM rationale_now WHERE NOT $reasoned
    UNION ALL SELECT reply_key, rationale_key, text, verdict FROM rationale_reasoned WHERE $reasoned
)
SELECT
    m.question_key, n.rationale_key, m.sample_index, n.text AS completion,
    q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold,
    CASE
        WHEN h.text_key IS NOT NULL THEN 'in a test split'
        WHEN m.question_key > $up_to::VARCHAR THEN 'beyond --rows'
        WHEN m.reply_status IS NULL THEN 'missing'
        WHEN m.reply_status <> 'ok' THEN m.reply_status
        WHEN q.question_key IS NULL THEN 'question not loaded'
        WHEN $reasoned AND n.rationale_key IS NULL THEN 'without a reasoning trace'
        WHEN n.verdict IS NULL THEN 'not judged'
        WHEN n.verdict <> 'correct' AND NOT $any_verdict THEN n.verdict
        ELSE 'kept'
    END AS fate
FROM member_now AS m
LEFT JOIN question AS q ON q.question_key = m.question_key
LEFT JOIN held_out AS h ON h.text_key = q.text_key
LEFT JOIN chosen AS n ON n.reply_key = m.reply_key
WHERE m.cell_key = $cell
    AND coalesce(m.sample_index < $samples::INTEGER, true)
    AND coalesce(list_contains($samplings::VARCHAR[], m.sampling), true)
ORDER BY m.question_key, m.sample_index, m.reply_key
