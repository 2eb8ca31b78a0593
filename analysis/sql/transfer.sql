-- Transfer: does training on one data set help on another?
-- Grain: one supervision evaluated on a data set that it was not trained on, beside the untouched base (against: untouched) and
-- beside the same supervision of that data set (against: in domain).
-- Columns: student, data set and how it was measured; what it was trained on; accuracies and their difference on n_questions, with
-- a 95 % interval over questions of these runs; arm keys. Variants of a data set (gsm8k, gsm8k-hard) are not transfer.
WITH arms AS (SELECT * FROM arm_chosen), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible, a.prompt_version,
        CASE WHEN b.runs = 0 THEN 'untouched' ELSE 'in domain' END AS against, a.arm_key AS first_key, b.arm_key AS second_key
    FROM arms AS a
    JOIN arms AS b ON b.measured_key = a.measured_key AND (
        b.runs = 0 OR (b.setting_key = a.setting_key AND b.trained_on = b.dataset AND b.teacher = a.teacher
            AND b.level IS NOT DISTINCT FROM a.level AND b.format IS NOT DISTINCT FROM a.format
            AND b.gold_visible = a.gold_visible))
    WHERE NOT starts_with(a.dataset, a.trained_on)
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, against DESC, trained_on, teacher, level, format
