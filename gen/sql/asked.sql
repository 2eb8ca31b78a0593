-- Which questions does a harvest ask about? The first $limit of a split in the order of their keys, which is random and
-- the same for every teacher; of these the shard $shard of $shards.
-- Grain: one question.
SELECT question_key, text, choices, answer_kind, gold, source
FROM (
    SELECT question_key, text, choices, answer_kind, gold, source
    FROM question
    WHERE dataset = $dataset AND split = $split
    ORDER BY question_key
    LIMIT $limit
)
WHERE CAST('0x' || left(question_key, 8) AS UBIGINT) % $shards = $shard
