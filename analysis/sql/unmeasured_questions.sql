-- Which questions with several rationales in one group have no metrics of them by the present version?
-- Groups: samples of one cell (usable, right or wrong: whether answers agree is what is asked); teachers by one recipe.
-- Grain: one question of one group, at most $batch of them. Columns: kind, group_key, question_key, members_hash; its texts,
-- extracted answers and path hashes.
WITH usable AS (
    SELECT c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, m.question_key, m.sample_index, n.rationale_key,
        n.text, n.answer, p.path_hash
    FROM cell AS c
    JOIN member_now AS m ON m.cell_key = c.cell_key
    JOIN rationale_now AS n ON n.reply_key = m.reply_key
    LEFT JOIN rationale_metric AS p ON p.rationale_key = n.rationale_key AND p.metric_version = $version
    WHERE m.reply_status = 'ok' AND c.format IS DISTINCT FROM 'answer-only'
), grouped AS (
    SELECT 'cell' AS kind, cell_key AS group_key, question_key, rationale_key, text, answer, path_hash FROM usable
    UNION ALL
    SELECT 'teachers', concat_ws('/', dataset, coalesce(level::VARCHAR, '-'), coalesce(format, '-'), gold_visible), question_key,
        rationale_key, text, answer, path_hash
    FROM usable
    QUALIFY row_number() OVER (
        PARTITION BY dataset, level, format, gold_visible, question_key, teacher ORDER BY sample_index, rationale_key) = 1
), held AS (
    SELECT kind, group_key, question_key, md5(string_agg(rationale_key, ',' ORDER BY rationale_key)) AS members_hash,
        list(text ORDER BY rationale_key) AS texts, list(answer ORDER BY rationale_key) FILTER (answer IS NOT NULL) AS answers,
        list(path_hash) FILTER (path_hash IS NOT NULL) AS paths
    FROM grouped GROUP BY ALL HAVING count(*) > 1
)
SELECT * FROM held AS h
ANTI JOIN question_metric AS m
    ON m.kind = h.kind AND m.group_key = h.group_key AND m.question_key = h.question_key
    AND m.members_hash = h.members_hash AND m.metric_version = $version
LIMIT $batch
