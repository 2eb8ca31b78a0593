-- Which supervisions say how much questions and seeds vary?
-- Grain: one supervision of $students, examined on one of $datasets, of at least $runs runs. Columns: arm_key, student,
-- dataset.
SELECT arm_key, student, dataset FROM arm
WHERE list_contains($students, student) AND list_contains($datasets, dataset) AND runs >= $runs AND corpus_hash IS NOT NULL
ORDER BY arm_key
