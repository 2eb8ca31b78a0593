-- Which rationales of $cells are to be scored under the weights $weights? Those to the first $limit questions of each data
-- set in the order of their keys: the same for every cell, whether or not its reply to them can be used.
-- Grain: one rationale. Columns: rationale_key, text, its question, and whether it has a score by this template and dtype.
WITH member AS (
    SELECT rationale_key, question_key, text, reply_status
    FROM cell_rationale
    WHERE list_contains($cells, cell_key)
    QUALIFY dense_rank() OVER (PARTITION BY dataset ORDER BY question_key) <= $limit
), chosen AS (
    SELECT rationale_key, question_key, text FROM member
    WHERE reply_status = 'ok' AND rationale_key IS NOT NULL AND trim(text) <> ''
)
SELECT DISTINCT ON (c.rationale_key)
    c.rationale_key, c.text, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold, s.rationale_key IS NOT NULL
FROM chosen AS c
JOIN question AS q ON q.question_key = c.question_key
LEFT JOIN rationale_score AS s
    ON s.rationale_key = c.rationale_key AND s.weights_hash = $weights AND s.template = $template AND s.dtype = $dtype
ORDER BY c.rationale_key
