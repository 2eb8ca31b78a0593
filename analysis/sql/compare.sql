-- Compare: on which questions do two runs differ?
-- Grain: one answer (question and sample) that both gave on one split by one decoder and engine; the newest evaluation of each.
-- Variables run_a, run_b: the starts of two run keys (unset: the first two runs of the store that were evaluated).
-- Columns: data set and how it was measured; question_key, text, gold; of both: run_key, student, answer, verdict, text; outcome:
-- both right, only a, only b, neither.
WITH runs AS (
    SELECT DISTINCT run_key, evaluation_key, student, dataset, split, decoder, engine FROM outcome WHERE run_key IS NOT NULL
), ordered AS (
    SELECT run_key, row_number() OVER (ORDER BY run_key) AS place FROM (SELECT DISTINCT run_key FROM runs)
), a AS (
    SELECT r.* FROM runs AS r JOIN ordered AS o ON o.run_key = r.run_key
    WHERE CASE WHEN getvariable('run_a') IS NULL THEN o.place = 1 ELSE starts_with(r.run_key, getvariable('run_a')::VARCHAR) END
), b AS (
    SELECT r.* FROM runs AS r JOIN ordered AS o ON o.run_key = r.run_key
    WHERE CASE WHEN getvariable('run_b') IS NULL THEN o.place = 2 ELSE starts_with(r.run_key, getvariable('run_b')::VARCHAR) END
)
SELECT a.dataset, a.split, a.decoder, a.engine, p.question_key, q.text, q.gold, p.sample_index,
    a.run_key AS a_run, a.student AS a_student, p.answer AS a_answer, p.verdict AS a_verdict, p.text AS a_text,
    b.run_key AS b_run, b.student AS b_student, r.answer AS b_answer, r.verdict AS b_verdict, r.text AS b_text,
    CASE WHEN p.verdict = 'correct' AND r.verdict = 'correct' THEN 'both right'
         WHEN p.verdict = 'correct' THEN 'only a' WHEN r.verdict = 'correct' THEN 'only b' ELSE 'neither' END AS outcome
FROM a
JOIN b ON b.dataset = a.dataset AND b.split = a.split AND b.decoder = a.decoder AND b.engine = a.engine AND b.run_key <> a.run_key
JOIN prediction_now AS p ON p.evaluation_key = a.evaluation_key AND p.verdict <> 'ungradable'
JOIN prediction_now AS r ON r.evaluation_key = b.evaluation_key AND r.question_key = p.question_key
    AND r.sample_index = p.sample_index AND r.verdict <> 'ungradable'
JOIN question AS q ON q.question_key = p.question_key
ORDER BY a.dataset, a.split DESC, a.engine, a.decoder, outcome NOT LIKE 'only%', outcome, p.question_key, p.sample_index
