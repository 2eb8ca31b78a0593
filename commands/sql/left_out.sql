-- What did the corpora named $names leave out, by which rule, and because of what?
-- Grain: one wanted reply that was left out. Parameters: names; rule (NULL: any); limit (NULL: none).
-- Columns: corpus (NULL: left out before rows were given to corpora), cell, question, rule, detail, what it matched and how
-- similar that is (0 to 1).
WITH families AS (
    SELECT DISTINCT family_key, family, arm, name FROM corpus_name_now WHERE list_contains($names, name)
)
SELECT DISTINCT
    CASE WHEN l.arm <> '' THEN f.name END AS corpus, c.dataset, c.teacher, c.level, c.format,
    l.rule, l.detail, l.similarity, q.text AS question, m.text AS matched_question, m.dataset AS matched_dataset,
    l.question_key, l.sample_index, l.reply_key, l.match_question_key, l.match_reply_key
FROM families AS f
JOIN corpus_left_out AS l ON l.family_key = f.family_key AND l.arm IN ('', f.arm)
LEFT JOIN cell AS c ON c.cell_key = l.cell_key
LEFT JOIN question AS q ON q.question_key = l.question_key
LEFT JOIN question AS m ON m.question_key = l.match_question_key
WHERE $rule IS NULL OR l.rule = $rule
ORDER BY l.rule, c.dataset, c.teacher, c.level, c.format, l.question_key, l.sample_index, corpus
LIMIT $limit
