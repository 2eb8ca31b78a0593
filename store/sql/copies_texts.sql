-- All rationales of data set $dataset by $teacher that are compared with each other, earlier ones first.
-- Grain: one rationale of one cell. Columns: its key, cell, what makes levels comparable (question, format), level, text.
SELECT p.rationale_key, c.cell_key, r.question_key || coalesce(c.format, '') || c.gold_visible AS family, c.level, p.text
FROM rationale AS p
JOIN reply AS r ON r.reply_key = p.reply_key AND r.status <> 'duplicate'
JOIN cell_member AS m ON m.reply_key = p.reply_key
JOIN cell AS c ON c.cell_key = m.cell_key AND c.format IS DISTINCT FROM 'answer-only'
WHERE p.parser_version = $parser AND c.dataset = $dataset AND c.teacher = $teacher
ORDER BY c.level NULLS LAST, r.received_at, r.import_file, r.import_row, p.rationale_key, c.cell_key
