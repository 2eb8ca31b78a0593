-- Which questions does a harvest ask about? The first of a split in the order of their keys, up to the variable last_key; that order
-- is random and the same for every teacher. Of these the shard $shard of $shards; of these again the slice from low to high.
-- Grain: one question. The variables are those of gen/asked.py.
CREATE OR REPLACE TEMP VIEW asked AS
SELECT question_key, text, choices, answer_kind, gold, source
FROM question
WHERE dataset = getvariable('dataset') AND split = getvariable('split')
    AND question_key >= getvariable('low') AND question_key < getvariable('high')
    AND question_key <= getvariable('last_key')
    AND CAST('0x' || left(question_key, 8) AS UBIGINT) % getvariable('shards') = getvariable('shard')
