-- Accuracy: how well does each student do after each supervision, the untouched base beside it?
-- Grain: one supervision: a student, corpus, trainer and profile (or the untouched base) on one split by one decoder and
-- engine, its seeds together. A miss or an unparsed answer counts as wrong; ungradable questions are left out.
-- Columns: what was evaluated (`what`: run, base, model, adapter, endpoint, teacher) and how; the corpus, its cell or given name, and rows; runs, seeds; n answers, n_questions, n_correct, accuracy;
-- low and high: Wilson's 95 % interval at n_effective, the independent answers that n answers of several runs to the same
-- questions are worth (n for one run; never under n_questions); chosen: a named corpus's family, or the rows that a cell was cut to; strict: accuracy by the paper's rule, the first match of
-- "The answer is X" (NULL where it was not applied); run_low, run_high, run_accuracies: worst, best and every run; unparsed and
-- truncated shares; mean completion tokens by the student's own tokenizer.
WITH evaluated AS (
    SELECT
        e.evaluation_key, e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template, e.run_key,
        coalesce(e.what, if(e.run_key IS NULL, 'base', 'run')) AS what,
        CASE WHEN e.run_key IS NULL THEN e.weights_hash ELSE r.base_hash END AS base_hash,
        r.seed, r.trainer, r.profile, r.corpus_hash,
        md5(concat_ws('|', e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template,
            coalesce(r.base_hash, e.weights_hash), r.trainer, r.profile, r.corpus_hash)) AS arm_key
    FROM evaluation AS e
    LEFT JOIN run AS r ON r.run_key = e.run_key
    WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], e.dataset))
      AND (getvariable('student')::VARCHAR[] IS NULL OR list_contains(getvariable('student')::VARCHAR[], e.student))
    QUALIFY row_number() OVER (
        PARTITION BY arm_key, coalesce(e.run_key, e.weights_hash) ORDER BY e.created_at DESC, e.evaluation_key) = 1
), answers AS (
    SELECT
        e.arm_key, e.evaluation_key, p.question_key, count(*) AS n,
        count(*) FILTER (p.verdict = 'correct') AS n_correct,
        count(*) FILTER (p.verdict = 'unparsed') AS n_unparsed,
        CASE WHEN count(p.strict_verdict) > 0 THEN count(*) FILTER (p.strict_verdict = 'correct') END AS n_strict,
        count(*) FILTER (p.finish_reason = 'length') AS n_truncated,
        sum(p.completion_tokens) AS tokens
    FROM evaluated AS e
    JOIN prediction_now AS p ON p.evaluation_key = e.evaluation_key
    WHERE p.verdict <> 'ungradable'
    GROUP BY ALL
), by_run AS (
    SELECT arm_key, evaluation_key, sum(n_correct) / sum(n) AS accuracy FROM answers GROUP BY ALL
), by_question AS (
    SELECT arm_key, question_key, sum(n_correct) / sum(n) AS share FROM answers GROUP BY ALL
), spread AS (
    SELECT arm_key, count(*) AS n_questions, var_samp(share) / count(*) AS variance FROM by_question GROUP BY ALL
), pooled AS (
    SELECT
        a.arm_key, sum(a.n)::BIGINT AS n, sum(a.n_correct)::BIGINT AS n_correct,
        sum(a.n_correct) / sum(a.n) AS accuracy, sum(a.n_strict) / sum(a.n) AS strict,
        sum(a.n_unparsed) / sum(a.n) AS unparsed, sum(a.n_truncated) / sum(a.n) AS truncated,
        sum(a.tokens) / sum(a.n) AS mean_completion_tokens
    FROM answers AS a GROUP BY ALL
), sized AS (
    SELECT p.*, s.n_questions,
        CASE WHEN p.n <= s.n_questions OR s.n_questions < 2 THEN p.n
             WHEN s.variance = 0 THEN s.n_questions
             ELSE least(p.n, greatest(s.n_questions, p.accuracy * (1 - p.accuracy) / s.variance)) END AS n_effective
    FROM pooled AS p JOIN spread AS s ON s.arm_key = p.arm_key
), wilson AS (
    SELECT *, 1.959963984540054 AS z,
        (accuracy + z * z / (2 * n_effective)) / (1 + z * z / n_effective) AS centre,
        z / (1 + z * z / n_effective)
            * sqrt(accuracy * (1 - accuracy) / n_effective + z * z / (4 * n_effective * n_effective)) AS half
    FROM sized
), arms AS (
    SELECT
        arm_key, student, dataset, split, decoder, engine, dtype, template, base_hash, trainer, profile, corpus_hash, what,
        count(*) FILTER (run_key IS NOT NULL) AS runs,
        list(seed ORDER BY seed) FILTER (seed IS NOT NULL) AS seeds,
        min(b.accuracy) AS run_low, max(b.accuracy) AS run_high, list(b.accuracy ORDER BY seed) AS run_accuracies
    FROM evaluated AS e JOIN by_run AS b USING (arm_key, evaluation_key)
    GROUP BY ALL
)
SELECT
    a.*, k.n_rows, k.cell_key, n.name AS corpus_name,
    coalesce(n.family, CASE WHEN contains(k.manifest, 'beyond --rows')
        THEN regexp_extract(k.manifest, '"n_questions": ([0-9]+)', 1) || ' rows' END) AS chosen,
    coalesce(c.dataset, n.dataset) AS trained_on, coalesce(c.teacher, n.teacher) AS teacher, coalesce(c.level, n.level) AS level,
    coalesce(c.format, n.format) AS format, coalesce(c.gold_visible, n.gold_visible) AS gold_visible, c.prompt_version,
    w.n, w.n_questions, w.n_correct, w.accuracy,
    CASE WHEN w.n_correct = 0 THEN 0.0 ELSE greatest(0.0, w.centre - w.half) END AS low,
    CASE WHEN w.n_correct = w.n THEN 1.0 ELSE least(1.0, w.centre + w.half) END AS high,
    w.n_effective, w.strict, w.unparsed, w.truncated, w.mean_completion_tokens
FROM arms AS a
JOIN wilson AS w ON w.arm_key = a.arm_key
LEFT JOIN corpus AS k ON k.corpus_hash = a.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
LEFT JOIN corpus_named AS n ON n.corpus_hash = a.corpus_hash
ORDER BY a.student, a.dataset, a.split DESC, a.engine, a.decoder, c.teacher NULLS FIRST,
    c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original', c.format, c.level NULLS FIRST, c.gold_visible, k.created_at
