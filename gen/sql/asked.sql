-- What does a harvest ask? Three views over one slice of the questions, from low to high; the variables are those of
-- gen/asked.py.
-- Grain of `asked`: one question. The first of a split in the order of their keys, up to asked_last_key; that order is random and
-- the same for every teacher. Of these one shard.
CREATE OR REPLACE TEMP VIEW asked AS
SELECT question_key, text, choices, answer_kind, gold, source
FROM question
WHERE dataset = getvariable('asked_dataset') AND split = getvariable('asked_split')
    AND question_key >= getvariable('asked_low') AND question_key < getvariable('asked_high')
    AND question_key <= getvariable('asked_last_key')
    AND CAST('0x' || left(question_key, 8) AS UBIGINT) % getvariable('asked_shards') = getvariable('asked_shard');

-- Grain of `wanted_reply`: one reply that one of the cells wants to one of these questions, however often it was redone,
-- with the question.
CREATE OR REPLACE TEMP VIEW wanted_reply AS
SELECT m.cell_key, m.sample_index, m.reply_key, m.redo, q.*
FROM cell_member AS m
JOIN asked AS q ON q.question_key = m.question_key
WHERE list_contains(getvariable('asked_cells'), m.cell_key) AND m.sampling = getvariable('asked_sampling')
    AND m.sample_index < getvariable('asked_samples')
    AND m.question_key >= getvariable('asked_low') AND m.question_key < getvariable('asked_high');

-- Grain of `answered`: one wanted sample of one cell that has a reply, with the newest.
CREATE OR REPLACE TEMP VIEW answered AS
SELECT w.*, r.status, r.prompt_tokens, r.completion_tokens
FROM wanted_reply AS w
JOIN reply AS r ON r.reply_key = w.reply_key
WHERE r.question_key >= getvariable('asked_low') AND r.question_key < getvariable('asked_high')
QUALIFY row_number() OVER (PARTITION BY w.cell_key, w.question_key, w.sample_index ORDER BY w.redo DESC) = 1;
