-- Which evaluations can be looked at side by side?
-- Grain: one evaluation. Columns: evaluation_key, run_key (NULL: the untouched base), student, dataset, split, decoder, engine,
-- the cell of its corpus (NULL without one), corpus, seed, n graded answers, n_correct.
SELECT s.evaluation_key, s.run_key, s.student, s.dataset, s.split, s.decoder, s.engine, s.seed, s.corpus_hash, k.name AS corpus,
    s.cell_key, c.dataset AS trained_on, s.teacher, s.level, s.format, s.gold_visible, c.prompt_version, s.n, s.n_correct
FROM score AS s
LEFT JOIN corpus AS k ON k.corpus_hash = s.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = s.cell_key
ORDER BY s.student, s.dataset, s.split DESC, s.run_key IS NOT NULL, s.teacher, s.format IS DISTINCT FROM 'answer-only', s.format, s.level, s.seed,
    s.evaluation_key
