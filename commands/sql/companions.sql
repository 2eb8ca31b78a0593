-- Which finished answer-only students belong beside these runs ($runs)? Same student and base weights, same training
-- profile and trainer, taught on the same data set without reasoning.
-- Grain: one run of $runs and data set it was taught on. Columns: its run_key, student, data set, format, the answer-only runs (an empty list: none).
WITH finished AS (
    SELECT DISTINCT r.run_key, r.student, r.base_hash, r.profile, r.trainer, coalesce(cell.dataset, q.dataset) AS dataset, cell.format
    FROM run_status AS r
    JOIN corpus AS c ON c.corpus_hash = r.corpus_hash
    LEFT JOIN cell ON cell.cell_key = c.cell_key
    LEFT JOIN corpus_member AS m ON m.corpus_hash = c.corpus_hash AND c.cell_key IS NULL  -- a corpus of several cells
    LEFT JOIN question AS q ON q.question_key = m.question_key
    WHERE r.status = 'finished' AND coalesce(cell.dataset, q.dataset) IS NOT NULL
)
SELECT f.run_key, f.student, f.dataset, f.format, list(a.run_key ORDER BY a.run_key) FILTER (a.run_key IS NOT NULL) AS beside
FROM finished AS f
LEFT JOIN finished AS a
    ON a.format = 'answer-only' AND a.student = f.student AND a.base_hash = f.base_hash AND a.profile = f.profile
    AND a.trainer = f.trainer AND a.dataset = f.dataset
WHERE list_contains($runs, f.run_key)
GROUP BY ALL
ORDER BY f.run_key
