-- Fault errors: do faults of supervision come back as errors of students?
-- Grain: one fault rule of one trained supervision in one setting, those without a single case as 0 where any supervision of the data
-- set has the fault. Columns: student, data set and how it was measured; what it was trained on; accuracy, error, n_questions, runs;
-- rule; n_faulty of n_rows rationales of the corpus, share. Needs: fault_now (cotdistill audit fills it).
WITH arms AS (SELECT * FROM arm_chosen), faults AS (
    SELECT m.corpus_hash, f.rule, count(DISTINCT m.position) AS n_faulty
    FROM corpus_member AS m
    JOIN rationale AS r ON r.rationale_key = m.rationale_key
    JOIN fault_now AS f ON f.reply_key = r.reply_key AND coalesce(f.rationale_key, m.rationale_key) = m.rationale_key
    GROUP BY ALL
), rules AS (
    SELECT DISTINCT a.dataset, f.rule FROM arms AS a JOIN faults AS f ON f.corpus_hash = a.corpus_hash
)
SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible, a.prompt_version,
    a.corpus_name, a.accuracy, a.n_questions, a.runs, a.setting_key, a.arm_key,
    1 - a.accuracy AS error, x.rule, coalesce(f.n_faulty, 0) AS n_faulty, a.n_rows, coalesce(f.n_faulty, 0) / a.n_rows AS share
FROM arms AS a
JOIN rules AS x ON x.dataset = a.dataset
LEFT JOIN faults AS f ON f.corpus_hash = a.corpus_hash AND f.rule = x.rule
WHERE a.corpus_hash IS NOT NULL
ORDER BY student, dataset, split DESC, rule, teacher, format, level
