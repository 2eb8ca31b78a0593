-- Which questions are loaded?
-- Grain: one (data set, split).
SELECT dataset, split, any_value(answer_kind) AS answer_kind, count(*) AS questions, count(gold) AS with_gold
FROM question GROUP BY ALL ORDER BY dataset, split DESC
