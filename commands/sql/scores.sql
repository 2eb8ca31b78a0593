-- How did these models do? A miss or an unparsed answer counts as wrong.
-- Grain: one evaluation among $evaluations. Columns: what was evaluated, n, right answers, unparsed, truncated, decoder.
SELECT s.student, s.run_key, s.teacher, s.level, s.format, s.corpus_name, s.seed, s.dataset, s.split,
    s.n, s.n_correct, s.n_strict, s.n_unparsed, s.n_truncated, s.mean_completion_tokens, s.engine, s.decoder
FROM score AS s
WHERE list_contains($evaluations, s.evaluation_key)
ORDER BY s.student, s.dataset, s.split, s.run_key IS NOT NULL, s.teacher, s.level NULLS FIRST, s.format, s.seed
