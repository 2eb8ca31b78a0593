-- Prompt tokens that the provider wrote to its cache, where it bills them at a price of their own.
ALTER TABLE attempt ADD COLUMN cache_write_tokens BIGINT;

-- The other rationale of a reply that came with a reasoning trace: the trace, then the visible answer (tasks/reasoned.py).
-- Newest parse, with its newest verdict against the question's present gold answer. Grain: one reply with a trace.
CREATE VIEW rationale_reasoned AS
WITH newest_parse AS (
    SELECT * FROM rationale
    WHERE parser_version LIKE 'reasoned-%'
    QUALIFY row_number() OVER (
        PARTITION BY reply_key ORDER BY TRY_CAST(substr(parser_version, 10) AS INTEGER) DESC NULLS LAST) = 1
), newest_verdict AS (
    SELECT v.* FROM verdict AS v
    QUALIFY row_number() OVER (
        PARTITION BY rationale_key, gold_key
        ORDER BY TRY_CAST(rule_version AS INTEGER) DESC NULLS LAST, rule_version DESC, judged_at DESC) = 1
)
SELECT
    p.rationale_key, p.reply_key, r.question_key, r.teacher, r.status AS reply_status, p.text,
    p.realised_steps, p.realised_sentences, p.realised_tokens, p.realised_equations,
    q.dataset, q.split, q.text_key, v.status AS verdict, v.answer, v.rule
FROM newest_parse AS p
JOIN reply AS r ON r.reply_key = p.reply_key
LEFT JOIN question AS q ON q.question_key = r.question_key
LEFT JOIN newest_verdict AS v ON v.rationale_key = p.rationale_key AND v.gold_key = q.gold_key;
