-- What did a model say, beside the gold answer and beside what another model ($beside) said to the same question?
-- Grain: one prediction of one evaluation among $evaluations, in the order of the questions' keys (random, the same for all
-- models); with $beside only questions that it answered too, by the same sample. $verdict: only these; $differ: only where
-- the two verdicts differ. Columns: the question, the answer with its verdicts, the other's.
SELECT
    p.evaluation_key, p.prediction_key, p.student, p.run_key, p.dataset, p.split, p.engine, p.decoder, e.template,
    q.question_key, q.text AS question, q.choices, q.answer_kind, q.gold, q.subject, q.difficulty AS level, q.source,
    p.sample_index, p.text, p.answer, p.verdict, p.strict_verdict, p.rule, p.finish_reason,
    p.prompt_tokens, p.completion_tokens, e.engine_version, e.dtype, e.weights_hash,
    o.text AS other_text, o.answer AS other_answer, o.verdict AS other_verdict
FROM prediction_now AS p
JOIN evaluation AS e ON e.evaluation_key = p.evaluation_key
JOIN question AS q ON q.question_key = p.question_key
LEFT JOIN prediction_now AS o
    ON o.evaluation_key = $beside AND o.question_key = p.question_key AND o.sample_index = p.sample_index
WHERE list_contains($evaluations, p.evaluation_key)
  AND ($beside::VARCHAR IS NULL OR o.prediction_key IS NOT NULL)
  AND ($verdict::VARCHAR IS NULL OR p.verdict = $verdict)
  AND (NOT $differ OR o.verdict IS DISTINCT FROM p.verdict)
ORDER BY p.question_key, p.sample_index, p.student, p.run_key NULLS FIRST
LIMIT $limit
