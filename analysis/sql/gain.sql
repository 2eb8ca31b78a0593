-- Gain: is the student better than it was before any training?
-- Grain: one supervision beside the untouched base of the same student, measured the same way.
-- Columns: student, data set and how it was measured; what it was trained on; accuracies and their difference on n_questions, with
-- a 95 % interval over questions of these runs; arm keys.
WITH arms AS (SELECT * FROM arm_chosen), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible, a.prompt_version, a.corpus_name, a.seeds,
        a.arm_key AS first_key, b.arm_key AS second_key
    FROM arms AS a
    JOIN arms AS b ON b.measured_key = a.measured_key AND b.runs = 0
    WHERE a.runs > 0
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, trained_on, teacher, level, format
