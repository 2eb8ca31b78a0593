-- Which corpora are there, which runs were trained on them, and how did each evaluation of those come out?
-- Grain: one corpus, run and evaluation; a corpus without a run and a run without an evaluation have one row. Columns: corpus_hash,
-- name, n_rows; run_key, student, seed, status; evaluation_key, dataset, split, n graded answers, n_correct.
SELECT k.corpus_hash, k.name, k.n_rows, r.run_key, r.student, r.seed, r.status,
    s.evaluation_key, s.dataset, s.split, s.n, s.n_correct
FROM corpus AS k
LEFT JOIN run_status AS r ON r.corpus_hash = k.corpus_hash
LEFT JOIN score AS s ON s.run_key = r.run_key
ORDER BY k.name, k.created_at, r.student, r.seed, s.dataset, s.split, s.evaluation_key
