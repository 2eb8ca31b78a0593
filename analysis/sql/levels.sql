-- Levels: which granularity made the best student, and are we sure?
-- Grain: one evaluation (one run, or the untouched base, on one split by one decoder and engine) in one role of its corpus
-- (view corpus_role), with its answers per question.
-- The answer's rows are contrasts made of them: each level against the answer-only corpus, the best other level and
-- the untouched base, paired on the questions that both answered.
-- Columns: what was evaluated and how; seed and run; the corpus with its manifest and age, its cell or its
-- given name and what its rows share; question_keys, and
-- beside them the share of right answers to each (0 or 1 with one sample).
WITH answers AS (
    SELECT evaluation_key, question_key, count(*) FILTER (verdict = 'correct') / count(*) AS share
    FROM prediction_now
    WHERE verdict <> 'ungradable'
    GROUP BY ALL
), listed AS (
    SELECT evaluation_key, list(question_key ORDER BY question_key) AS question_keys, list(share ORDER BY question_key) AS shares
    FROM answers GROUP BY ALL
)
SELECT
    e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template,
    coalesce(r.base_hash, e.weights_hash) AS base_hash, r.trainer, r.profile, r.corpus_hash, r.run_key, r.seed,
    k.n_rows, k.manifest, k.created_at AS corpus_created_at,
    k.cell_key, k.name AS corpus_name, k.dataset AS trained_on, k.teacher, k.level, k.format, k.gold_visible, k.prompt_version,
    a.question_keys, a.shares
FROM evaluation AS e
JOIN listed AS a ON a.evaluation_key = e.evaluation_key
LEFT JOIN run AS r ON r.run_key = e.run_key
LEFT JOIN corpus_role AS k ON k.corpus_hash = r.corpus_hash
WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], e.dataset))
  AND (getvariable('student')::VARCHAR[] IS NULL OR list_contains(getvariable('student')::VARCHAR[], e.student))
QUALIFY row_number() OVER (
    PARTITION BY e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template, coalesce(e.run_key, e.weights_hash), k.name
    ORDER BY e.created_at DESC, e.evaluation_key) = 1
ORDER BY e.student, e.dataset, e.split DESC, e.engine, e.decoder, k.teacher, coalesce(k.format, 'original') <> 'original', k.format,
    k.level NULLS FIRST, r.seed, e.evaluation_key, k.name
