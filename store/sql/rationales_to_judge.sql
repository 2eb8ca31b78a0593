-- What do the rationales $keys say, and which question is each judged against?
-- Grain: one rationale. Columns: its key, its text, and the question.
SELECT p.rationale_key, p.text, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold, q.gold_key
FROM (
    SELECT rationale_key, reply_key, text FROM rationale
    SEMI JOIN (SELECT unnest($keys) AS key) AS k ON k.key = rationale_key
) AS p
JOIN reply AS r ON r.reply_key = p.reply_key
JOIN question AS q ON q.question_key = r.question_key
