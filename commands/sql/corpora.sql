-- Which corpora have names, how large are they, and how many runs were trained on each?
-- Grain: one named corpus, by family. Columns: name, its cell's or its rows' common columns (NULL: several), control,
-- training and validation rows, questions, realised_tokens of the training rows, runs, start of the hash, when it was made.
WITH trained AS (
    SELECT corpus_hash, count(*) AS runs FROM run GROUP BY corpus_hash
)
SELECT
    n.name, n.dataset, n.teacher, n.level, n.format, n.control,
    CAST(n.manifest ->> '$.counts.train.rows' AS BIGINT) AS train,
    coalesce(CAST(n.manifest ->> '$.counts.validation.rows' AS BIGINT), 0) AS validation,
    CAST(n.manifest ->> '$.counts.questions' AS BIGINT) AS questions,
    CAST(n.manifest ->> '$.counts.train.realised_tokens' AS BIGINT) AS tokens,
    coalesce(t.runs, 0) AS runs, left(n.corpus_hash, 8) AS hash, date_trunc('second', n.created_at) AS created_at
FROM corpus_name_now AS n
LEFT JOIN trained AS t ON t.corpus_hash = n.corpus_hash
ORDER BY n.family, n.control IS NOT NULL, n.level NULLS FIRST, n.name
