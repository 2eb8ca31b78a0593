-- What does corpus $corpus hold?
-- Grain: one supervised pair, in the corpus's order. Columns: keys, split, completion; is_own: the rationale as it came, at the
-- level it was asked for; the question; the cell's columns, level reassigned where it was.
SELECT
    r.question_key, r.rationale_key, r.split, r.completion, NOT r.is_altered AND r.level IS NOT DISTINCT FROM c.level AS is_own,
    r.question, r.choices, r.answer_kind, r.gold,
    r.dataset, r.teacher, r.level, r.format, r.gold_visible, r.prompt_version
FROM corpus_row AS r
LEFT JOIN cell AS c ON c.cell_key = r.cell_key
WHERE r.corpus_hash = $corpus
ORDER BY r.position
