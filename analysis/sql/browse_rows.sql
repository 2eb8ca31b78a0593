-- What is known of these rationales, whole: reply, parse, verdict, price, faults?
-- Grain: one reply in one cell, for the replies in $replies. Columns: keys and cell; of the reply:
-- status, text (NULL where the rationale is the same text), reasoning, models, sampling, tokens as the provider counts, usd and
-- the calls it took (n_unpriced of them without a known price), received_at, where it was imported from; of the rationale: text and
-- realised counts; of the verdict: status, answer, rule, and the paper's strict rule beside it; faults (rule and detail).
WITH wanted AS (
    SELECT m.cell_key, m.question_key, m.sample_index, m.reply_key, m.redo
    FROM member_now AS m
    WHERE m.reply_status IS NOT NULL AND list_contains($replies::VARCHAR[], m.reply_key)
), calls AS (
    SELECT a.reply_key, count(*) AS calls, sum(a.usd) AS usd, count(*) FILTER (a.usd IS NULL) AS n_unpriced
    FROM attempt AS a SEMI JOIN wanted AS w ON w.reply_key = a.reply_key GROUP BY a.reply_key
), faults AS (
    SELECT f.reply_key, list(DISTINCT {'rule': f.rule, 'detail': coalesce(f.detail::VARCHAR, '')}) AS faults
    FROM fault_now AS f WHERE list_contains($replies::VARCHAR[], f.reply_key) GROUP BY f.reply_key
), parsed AS (
    -- not a join: this goes into the view, before its windows
    SELECT * FROM rationale_now WHERE list_contains($replies::VARCHAR[], reply_key)
)
SELECT
    w.reply_key, w.cell_key, w.question_key, n.rationale_key, w.sample_index, coalesce(w.redo, 0) AS redo, r.teacher,
    r.status AS reply_status, CASE WHEN trim(r.text) IS DISTINCT FROM trim(n.text) THEN r.text END AS reply_text, r.reasoning,
    r.requested_model, r.served_model, r.temperature, r.top_p, r.seed, r.reasoning_effort,
    r.prompt_tokens, r.completion_tokens, k.calls, k.usd, k.n_unpriced, r.received_at, r.finish_reason,
    r.import_source, r.import_file, r.import_row,
    n.text, n.realised_steps, n.realised_sentences, n.realised_tokens, n.realised_equations,
    CASE WHEN r.status <> 'ok' THEN 'unusable' ELSE coalesce(n.verdict, 'unjudged') END AS verdict,
    n.answer, n.rule, n.strict_verdict, n.strict_answer, coalesce(f.faults, []) AS faults
FROM wanted AS w
JOIN reply AS r ON r.reply_key = w.reply_key
JOIN cell AS c ON c.cell_key = w.cell_key
LEFT JOIN parsed AS n ON n.reply_key = w.reply_key
LEFT JOIN calls AS k ON k.reply_key = w.reply_key
LEFT JOIN faults AS f ON f.reply_key = w.reply_key
ORDER BY c.dataset, w.question_key, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, c.gold_visible, w.sample_index, w.reply_key, w.cell_key
