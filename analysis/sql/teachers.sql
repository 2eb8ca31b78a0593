-- Teachers: does the stronger teacher make the better student?
-- Grain: two teachers' supervisions by one recipe in one setting; the first teacher is the one that is right more often by itself.
-- Columns: student, data set and how it was measured; level, format; both teachers, and their own accuracy on what they answered
-- without seeing the answer (n beside it); accuracies of the students and their difference on n_questions, with a 95 % interval
-- over questions of these runs; arm keys.
WITH arms AS (SELECT * FROM arm_chosen), own AS (
    SELECT dataset, teacher, count(*) AS n, count(*) FILTER (verdict = 'correct') / count(*) AS share
    FROM cell_rationale
    WHERE reply_status = 'ok' AND gold_visible <> 'yes' AND verdict IN ('correct', 'wrong', 'unparsed')
    GROUP BY ALL
), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.level, a.format, a.gold_visible, a.teacher AS first_teacher, b.teacher AS second_teacher,
        s.share AS first_own_accuracy, s.n AS first_own_n, t.share AS second_own_accuracy, t.n AS second_own_n,
        a.arm_key AS first_key, b.arm_key AS second_key
    FROM arms AS a
    JOIN arms AS b ON b.setting_key = a.setting_key AND b.trained_on = a.trained_on AND b.teacher <> a.teacher
        AND b.level IS NOT DISTINCT FROM a.level AND b.format IS NOT DISTINCT FROM a.format AND b.gold_visible = a.gold_visible
        AND b.rule = a.rule
    LEFT JOIN own AS s ON s.dataset = a.trained_on AND s.teacher = a.teacher
    LEFT JOIN own AS t ON t.dataset = b.trained_on AND t.teacher = b.teacher
    WHERE a.format IS DISTINCT FROM 'answer-only'
      AND (coalesce(s.share, -1), a.teacher) > (coalesce(t.share, -1), b.teacher)
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, level, format, first_teacher, second_teacher
