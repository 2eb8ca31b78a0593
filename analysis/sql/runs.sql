-- Which runs are there, what became of them, and how were they made?
-- Grain: one run. Columns: run_key, student, cell, seed, trainer, profile (JSON), template, status, n_rows of the corpus,
-- outcome (JSON: steps, tokens, seconds; or the error), versions (JSON), created_at.
SELECT s.run_key, s.student, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version, s.seed, s.trainer,
    s.profile, s.template, s.status, k.n_rows, s.outcome, s.versions, s.created_at
FROM run_status AS s
LEFT JOIN corpus AS k ON k.corpus_hash = s.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
ORDER BY s.student, c.dataset, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, s.seed, s.created_at
