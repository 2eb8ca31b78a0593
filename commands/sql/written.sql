-- How often are a teacher's rationales right, apart by whether it saw the gold answer?
-- Grain: data set, split and gold_visible of $teacher's rationales on $datasets. Columns: n judged rationales, right ones.
SELECT dataset, split, gold_visible, count(*) AS n, count(*) FILTER (verdict = 'correct') AS n_correct
FROM (SELECT DISTINCT dataset, split, gold_visible, rationale_key, verdict FROM cell_rationale
      WHERE teacher = $teacher AND list_contains($datasets, dataset) AND verdict IN ('correct', 'wrong', 'unparsed'))
GROUP BY ALL
ORDER BY dataset, split, gold_visible
