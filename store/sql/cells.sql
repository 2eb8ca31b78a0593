-- Which cells hold at least one reply?
-- Grain: one cell, in reading order.
SELECT c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version
FROM cell AS c
WHERE EXISTS (SELECT 1 FROM cell_member AS m JOIN reply AS r ON r.reply_key = m.reply_key WHERE m.cell_key = c.cell_key)
ORDER BY c.dataset, c.teacher, c.level NULLS FIRST, c.format, c.gold_visible, c.prompt_version
