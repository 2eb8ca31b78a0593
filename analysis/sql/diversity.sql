-- Diversity: does more varied supervision make the better student?
-- Grain: one cell with its newest corpus (where none was made yet, its usable rationales that are not known to be wrong); the answer
-- joins it to each student's accuracy. Across questions at an equal budget of words, since length confounds every one of these
-- (all texts: variable budget = 0); within questions of several samples; across teachers of one recipe.
-- Columns: cell; source (corpus or cell), n_rows, mean realised tokens, steps, equations; share_correct of all judged rationales;
-- budget_words, sample_texts, sample_words, compression_ratio, distinct_1, 2, 3, self_repetition, self_bleu, vendi with their samples'
-- sizes, distinct_plans (over texts with equations); n_sampled questions with several samples and, of these, mean distinct paths,
-- distance and agreement of answers; n_taught questions of several teachers, and the same of them.
WITH chosen AS (
    SELECT * FROM cell
    WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
      AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
      AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
      AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
), judged AS (
    SELECT cell_key, count(*) FILTER (verdict = 'correct') / nullif(count(*) FILTER (verdict IN ('correct', 'wrong', 'unparsed')), 0)
        AS share_correct,
        avg(realised_tokens) FILTER (verdict IS NULL OR verdict = 'correct') AS mean_tokens,
        avg(realised_steps) FILTER (verdict IS NULL OR verdict = 'correct') AS mean_steps,
        avg(realised_equations) FILTER (verdict IS NULL OR verdict = 'correct') AS mean_equations,
        count(*) FILTER (verdict IS NULL OR verdict = 'correct') AS n_rows
    FROM cell_rationale WHERE reply_status = 'ok' GROUP BY cell_key
), newest AS (
    SELECT corpus_hash, cell_key FROM corpus
    QUALIFY row_number() OVER (PARTITION BY cell_key ORDER BY created_at DESC, corpus_hash) = 1
), latest AS (
    SELECT * FROM question_metric
    QUALIFY row_number() OVER (
        PARTITION BY kind, group_key, question_key
        ORDER BY TRY_CAST(metric_version AS INTEGER) DESC NULLS LAST, n_rationales DESC, members_hash) = 1
), within AS (
    SELECT kind, group_key, count(*) AS n, avg(n_paths) AS paths, avg(mean_distance) AS distance, avg(agreement) AS agreement
    FROM latest GROUP BY ALL
), placed AS (
    SELECT c.*, CASE WHEN k.corpus_hash IS NULL THEN 'cell' ELSE 'corpus' END AS source,
        coalesce(k.corpus_hash, c.cell_key) AS group_key, k.corpus_hash
    FROM chosen AS c LEFT JOIN newest AS k ON k.cell_key = c.cell_key
)
SELECT
    c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version, c.source,
    coalesce(s.n_rows, j.n_rows) AS n_rows, coalesce(s.mean_tokens, j.mean_tokens) AS mean_tokens,
    coalesce(s.mean_steps, j.mean_steps) AS mean_steps, coalesce(s.mean_equations, j.mean_equations) AS mean_equations,
    j.share_correct, m.budget_words, m.n_texts AS sample_texts, m.n_words AS sample_words, m.compression_ratio, m.distinct_1,
    m.distinct_2, m.distinct_3, m.self_repetition, m.self_bleu, m.n_self_bleu, m.vendi, m.n_vendi,
    m.n_plans / nullif(m.n_with_plan, 0) AS distinct_plans, m.n_with_plan AS n_with_equations,
    coalesce(w.n, 0) AS n_sampled, w.paths AS sampled_paths, w.distance AS sampled_distance, w.agreement AS sampled_agreement,
    coalesce(t.n, 0) AS n_taught, t.paths AS teachers_paths, t.distance AS teachers_distance, t.agreement AS teachers_agreement
FROM placed AS c
JOIN judged AS j ON j.cell_key = c.cell_key
LEFT JOIN corpus_shape AS s ON s.corpus_hash = c.corpus_hash
LEFT JOIN corpus_metric_now AS m ON m.kind = c.source AND m.group_key = c.group_key
    AND m.budget_words = coalesce(getvariable('budget')::INTEGER, 10000)
LEFT JOIN within AS w ON w.kind = 'cell' AND w.group_key = c.cell_key
LEFT JOIN within AS t ON t.kind = 'teachers'
    AND t.group_key = concat_ws('/', c.dataset, coalesce(c.level::VARCHAR, '-'), coalesce(c.format, '-'), c.gold_visible)
ORDER BY c.dataset, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, c.gold_visible, c.prompt_version
