-- What do the predictions $keys say, and which question is each judged against?
-- Grain: one prediction (shared by every evaluation that holds it). Columns as in rationales_to_judge.sql.
SELECT DISTINCT p.prediction_key, p.text, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold, q.gold_key
FROM (
    SELECT prediction_key, question_key, text FROM prediction
    SEMI JOIN (SELECT unnest($keys) AS key) AS k ON k.key = prediction_key
) AS p
JOIN question AS q ON q.question_key = p.question_key
