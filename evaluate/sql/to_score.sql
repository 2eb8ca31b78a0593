-- Which rationales of $cells are to be scored under the weights $weights? Of each cell the first $limit questions in the
-- order of their keys, the same for every cell of a data set.
-- Grain: one rationale. Columns: rationale_key, text, its question, and whether it has a score by this template and dtype.
WITH chosen AS (
    SELECT c.rationale_key, c.question_key, c.text
    FROM cell_rationale AS c
    WHERE list_contains($cells, c.cell_key) AND c.reply_status = 'ok' AND c.rationale_key IS NOT NULL AND trim(c.text) <> ''
    QUALIFY dense_rank() OVER (PARTITION BY c.cell_key ORDER BY c.question_key) <= $limit
)
SELECT DISTINCT ON (c.rationale_key)
    c.rationale_key, c.text, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold, s.rationale_key IS NOT NULL
FROM chosen AS c
JOIN question AS q ON q.question_key = c.question_key
LEFT JOIN rationale_score AS s
    ON s.rationale_key = c.rationale_key AND s.weights_hash = $weights AND s.template = $template AND s.dtype = $dtype
ORDER BY c.rationale_key
