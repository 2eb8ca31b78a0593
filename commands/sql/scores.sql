-- How did these evaluations do on the questions $questions ($samples answers each), all together and by subject and level
-- where there are any? A miss or an unparsed answer counts as wrong; a question without a gold answer is left out.
-- Grain: one evaluation, or one subject or one level (difficulty) of it. Columns: what was evaluated, `by` (all, subject,
-- level) and `part`; how it was asked, settings: of each session's batches (JSON); n answers, n_questions; right answers (n_strict: by the paper's rule, NULL where it was not applied);
-- unparsed, truncated, too long to be read, empty, rejected by a server, without gold; variance of the mean over questions;
-- mean tokens of an answer (NULL: the server did not say).
WITH asked AS (
    SELECT DISTINCT unnest($questions::VARCHAR[]) AS question_key
), answers AS (
    SELECT
        p.evaluation_key, p.question_key, q.subject, q.difficulty,
        count(*) FILTER (p.verdict <> 'ungradable') AS n,
        count(*) FILTER (p.verdict = 'ungradable') AS n_no_gold,
        count(*) FILTER (p.verdict = 'correct') AS n_correct,
        count(*) FILTER (p.verdict = 'unparsed') AS n_unparsed,
        count(p.strict_verdict) AS n_strictly,
        count(*) FILTER (p.verdict <> 'ungradable' AND p.strict_verdict = 'correct') AS n_strict,
        count(*) FILTER (p.finish_reason = 'length') AS n_truncated,
        count(*) FILTER (p.finish_reason = 'prompt_too_long') AS n_too_long,
        count(*) FILTER (p.finish_reason NOT IN ('length', 'prompt_too_long', 'stop')) AS n_rejected,
        count(*) FILTER (p.finish_reason IN ('stop', 'length') AND trim(p.text) = '') AS n_empty,
        sum(p.completion_tokens) AS tokens, count(p.completion_tokens) AS n_counted
    FROM prediction_now AS p
    JOIN asked AS a ON a.question_key = p.question_key
    JOIN question AS q ON q.question_key = p.question_key
    WHERE list_contains($evaluations, p.evaluation_key) AND p.sample_index < $samples
    GROUP BY ALL
), parts AS (
    SELECT
        evaluation_key, subject, difficulty, GROUPING(subject, difficulty) AS grouped,
        sum(n)::BIGINT AS n, count(*) FILTER (n > 0) AS n_questions, sum(n_no_gold)::BIGINT AS n_no_gold,
        sum(n_correct)::BIGINT AS n_correct, sum(n_unparsed)::BIGINT AS n_unparsed,
        CASE WHEN sum(n_strictly) > 0 THEN sum(n_strict)::BIGINT END AS n_strict,
        sum(n_truncated)::BIGINT AS n_truncated, sum(n_too_long)::BIGINT AS n_too_long,
        sum(n_rejected)::BIGINT AS n_rejected, sum(n_empty)::BIGINT AS n_empty,
        var_samp(n_correct / nullif(n, 0)) / nullif(count(*) FILTER (n > 0), 0) AS variance,
        sum(tokens) / nullif(sum(n_counted), 0) AS mean_completion_tokens
    FROM answers
    GROUP BY GROUPING SETS ((evaluation_key), (evaluation_key, subject), (evaluation_key, difficulty))
), sessions AS (
    SELECT evaluation_key, list(DISTINCT settings ORDER BY settings) AS settings FROM evaluation_session GROUP BY ALL
)
SELECT
    e.evaluation_key, e.student, e.run_key, coalesce(e.what, if(e.run_key IS NULL, 'base', 'run')) AS what,
    cell.teacher, cell.level, cell.format, cell.gold_visible, run.seed, cell.dataset AS trained_on,
    named.name AS corpus_name,
    e.dataset, e.split, e.engine, e.engine_version, e.dtype, sessions.settings, e.template, e.decoder,
    CASE p.grouped WHEN 3 THEN 'all' WHEN 1 THEN 'subject' ELSE 'level' END AS by,
    CASE p.grouped WHEN 1 THEN p.subject WHEN 2 THEN p.difficulty END AS part,
    p.n, p.n_questions, p.n_correct, p.n_strict, p.n_unparsed, p.n_truncated, p.n_too_long, p.n_rejected, p.n_empty,
    p.n_no_gold, p.variance, p.mean_completion_tokens
FROM parts AS p
JOIN evaluation AS e ON e.evaluation_key = p.evaluation_key
LEFT JOIN sessions ON sessions.evaluation_key = p.evaluation_key
LEFT JOIN run ON run.run_key = e.run_key
LEFT JOIN corpus AS c ON c.corpus_hash = run.corpus_hash
LEFT JOIN corpus_named AS named ON named.corpus_hash = run.corpus_hash
LEFT JOIN cell ON cell.cell_key = c.cell_key
WHERE p.grouped = 3 OR (p.grouped = 1 AND p.subject IS NOT NULL) OR (p.grouped = 2 AND p.difficulty IS NOT NULL)
ORDER BY e.student, e.dataset, e.split, e.run_key IS NOT NULL, cell.teacher, cell.level NULLS FIRST, cell.format, run.seed,
    e.evaluation_key, p.grouped DESC, part
