-- How did the training loss of each run fall?
-- Grain: one point of one run, at most about coalesce(getvariable('n_points'), 150) a run (means of neighbouring steps; the newest attempt of a run that was
-- started again). Columns: run_key, student, seed, status, corpus's cell, step (last of those averaged), loss, elapsed_s.
WITH newest AS (
    SELECT * FROM run_step
    QUALIFY row_number() OVER (PARTITION BY run_key, step ORDER BY happened_at DESC) = 1
), placed AS (
    SELECT *, ntile(coalesce(getvariable('n_points'), 150)) OVER (PARTITION BY run_key ORDER BY step) AS bucket FROM newest WHERE loss IS NOT NULL
), points AS (
    SELECT run_key, bucket, max(step) AS step, avg(loss) AS loss, max(elapsed_s) AS elapsed_s FROM placed GROUP BY ALL
)
SELECT s.run_key, s.student, s.seed, s.status, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    p.step, p.loss, p.elapsed_s
FROM points AS p
JOIN run_status AS s ON s.run_key = p.run_key
LEFT JOIN corpus AS k ON k.corpus_hash = s.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
ORDER BY s.student, c.dataset, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, s.seed, s.run_key, p.step
