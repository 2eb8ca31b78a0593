-- What may become a row of a corpus of the cells $cells, and why may the rest not? The leak guard comes first.
-- $reasoned: the rationale is the model's reasoning trace with its answer after it, not the visible answer alone.
-- $verdict: correct, any, wrong. $up_to, $samples, $samplings: as in cell_fates.sql.
-- Grain: one wanted reply of one cell, in the order of a corpus (question, sample, reply). Columns: keys, lengths, rule (NULL: it
-- may; else why not), detail.
WITH held_out AS (
    SELECT text_key, min(dataset || ' ' || split) AS place FROM question WHERE split <> 'train' GROUP BY text_key
), chosen AS (
    SELECT reply_key, rationale_key, verdict, answer, realised_tokens, realised_steps FROM rationale_now WHERE NOT $reasoned
    UNION ALL
    SELECT reply_key, rationale_key, verdict, answer, realised_tokens, realised_steps FROM rationale_reasoned WHERE $reasoned
), judged AS (
    SELECT
        m.cell_key, m.question_key, m.sample_index, m.reply_key, n.rationale_key, n.realised_tokens, n.realised_steps,
        r.completion_tokens, n.verdict, n.answer,
        CASE
            WHEN h.text_key IS NOT NULL THEN 'in a test split'
            WHEN m.question_key > $up_to::VARCHAR THEN 'beyond --rows'
            WHEN m.reply_status IS NULL THEN 'missing'
            WHEN m.reply_status <> 'ok' THEN m.reply_status
            WHEN q.question_key IS NULL THEN 'question not loaded'
            WHEN $reasoned AND n.rationale_key IS NULL THEN 'without a reasoning trace'
            WHEN n.verdict IS NULL THEN 'not judged'
            WHEN $verdict = 'correct' AND n.verdict <> 'correct' THEN n.verdict
            WHEN $verdict = 'wrong' AND n.verdict <> 'wrong' THEN 'verdict ' || n.verdict
        END AS rule,
        h.place
    FROM member_now AS m
    LEFT JOIN reply AS r ON r.reply_key = m.reply_key
    LEFT JOIN question AS q ON q.question_key = m.question_key
    LEFT JOIN held_out AS h ON h.text_key = q.text_key
    LEFT JOIN chosen AS n ON n.reply_key = m.reply_key
    WHERE list_contains($cells, m.cell_key)
        AND coalesce(m.sample_index < $samples::INTEGER, true)
        AND coalesce(list_contains($samplings::VARCHAR[], m.sampling), true)
)
SELECT
    cell_key, question_key, sample_index, reply_key, rationale_key, verdict, answer,
    realised_tokens, realised_steps, completion_tokens, rule,
    CASE WHEN rule = 'in a test split' THEN place END AS detail
FROM judged
ORDER BY question_key, sample_index, reply_key
