-- Which solved training questions may stand before a question of $dataset? None that is in a test split by its words, and
-- none of $asked. With $teacher its shortest rationale that is judged correct (by name where two are as short); without,
-- the gold answer alone.
-- Grain: one training question. Columns: question_key, text, choices, answer_kind, gold, rationale (NULL without a teacher).
WITH tested AS (
    SELECT DISTINCT text_key FROM question WHERE split = 'test'
), written AS (
    SELECT question_key, arg_min(text, (length(text), rationale_key)) AS rationale
    FROM rationale_now
    WHERE teacher = $teacher AND verdict = 'correct'
    GROUP BY question_key
)
SELECT q.question_key, q.text, q.choices, q.answer_kind, q.gold, w.rationale
FROM question AS q
LEFT JOIN written AS w ON w.question_key = q.question_key
ANTI JOIN tested AS t ON t.text_key = q.text_key
WHERE q.dataset = $dataset AND q.split = 'train' AND q.gold IS NOT NULL
  AND ($teacher::VARCHAR IS NULL OR w.rationale IS NOT NULL)
  AND q.question_key NOT IN (SELECT unnest($asked::VARCHAR[]))
ORDER BY q.question_key
