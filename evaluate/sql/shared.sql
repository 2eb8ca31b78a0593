-- Which answers that $evaluation wants did the same weights give already, asked in the same words in another evaluation?
-- (Another subset of the same data set; what was asked and how is the same: data set, decoder with its exemplars, engine,
-- dtype, template.) They are taken over, not generated again.
-- Grain: one prediction. Columns: those of prediction.
SELECT DISTINCT ON (p.prediction_key) p.* REPLACE ($evaluation AS evaluation_key)
FROM evaluation AS mine
JOIN evaluation AS other
    ON other.weights_hash = mine.weights_hash AND other.dataset = mine.dataset AND other.decoder = mine.decoder
    AND other.engine = mine.engine AND other.dtype = mine.dtype AND other.template = mine.template
    AND other.evaluation_key <> mine.evaluation_key
JOIN prediction AS p ON p.evaluation_key = other.evaluation_key
WHERE mine.evaluation_key = $evaluation AND p.question_key IN (SELECT unnest($questions::VARCHAR[]))
  AND p.sample_index < $samples
