-- Learnability: does a student learn more from rationales that looked likely to it before training?
-- Grain: one trained supervision in one setting whose rationales were scored under its base. Columns: student, data set and how it was
-- measured; what it was trained on, and how that was chosen; accuracy, n_questions, runs; n_scored of n_rows rationales; mean_nll (nats a token of the
-- rationale), mean_rank, mean_log_rank: means over rationales. Needs: rationale_score (cotdistill evaluate score writes it).
WITH arms AS (SELECT * FROM arm_chosen), scored AS (
    SELECT m.corpus_hash, s.weights_hash, count(*) AS n_rows, count(s.mean_nll) AS n_scored, avg(s.mean_nll) AS mean_nll,
        avg(s.mean_rank) AS mean_rank, avg(s.mean_log_rank) AS mean_log_rank
    FROM corpus_member AS m
    JOIN rationale_score AS s ON s.rationale_key = m.rationale_key
    GROUP BY ALL HAVING count(s.mean_nll) > 0
)
SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible, a.prompt_version,
    a.corpus_name, a.accuracy, a.n_questions, a.runs, a.setting_key, a.arm_key, a.rule AS chosen,
    s.n_rows, s.n_scored, s.mean_nll, s.mean_rank, s.mean_log_rank
FROM arms AS a
JOIN scored AS s ON s.corpus_hash = a.corpus_hash AND s.weights_hash = a.base_hash
ORDER BY student, dataset, split DESC, teacher, format, level
