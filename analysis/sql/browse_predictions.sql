-- What did every evaluation answer to these questions?
-- Grain: one prediction of one evaluation, for $questions. Columns: keys, sample_index, text, verdict, answer, rule, the paper's strict
-- rule beside it, finish_reason, completion tokens by the student's tokenizer.
SELECT evaluation_key, question_key, sample_index, text, coalesce(verdict, 'unjudged') AS verdict, answer, rule, strict_verdict,
    finish_reason, completion_tokens
FROM prediction_now
WHERE list_contains($questions::VARCHAR[], question_key)
ORDER BY question_key, evaluation_key, sample_index
