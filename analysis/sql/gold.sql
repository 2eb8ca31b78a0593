-- Gold: does a teacher that saw the answer make a better student than one that worked unaided?
-- Grain: one supervision with the gold answer shown beside the one without (or not known), same teacher, level, format and setting.
-- Columns: student, data set and how it was measured; teacher, level, format; gold_visible of both; accuracies and their difference
-- on n_questions, with a 95 % interval over questions of these runs; arm keys.
WITH arms AS (SELECT * FROM arm_chosen), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible AS first_gold_visible, b.gold_visible AS second_gold_visible,
        a.arm_key AS first_key, b.arm_key AS second_key
    FROM arms AS a
    JOIN arms AS b ON b.setting_key = a.setting_key AND b.trained_on = a.trained_on AND b.teacher = a.teacher
        AND b.level IS NOT DISTINCT FROM a.level AND b.format IS NOT DISTINCT FROM a.format AND b.rule = a.rule
    WHERE a.gold_visible = 'yes' AND b.gold_visible <> 'yes'
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, teacher, level, format
