-- Lineage: which rationales were in the training of the runs that got a question right?
-- The question: variable question, the start of its key, or its place (from 1) among the test questions of the data set in the order of
-- its source; unset: the first. Grain: one rationale of the corpus of one run that answered it right, the likest first (as many as variable
-- likest says, 5 by default) by the share of words that its question shares with this one (Jaccard).
-- Columns: question_key, question; student, run_key, seed, what the run was trained on; n_right of n_answered runs; n_rows of its
-- corpus; rationale_key, its question, verdict and text; likeness, 0 to 1.
WITH placed AS (
    SELECT *, row_number() OVER (
        PARTITION BY dataset ORDER BY TRY_CAST(regexp_extract(source, ':([0-9]+)$', 1) AS INTEGER) NULLS LAST, question_key) AS place
    FROM question
    WHERE question_key IN (SELECT question_key FROM prediction)
      AND (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
), asked AS (
    SELECT * FROM placed
    WHERE place = coalesce(TRY_CAST(getvariable('question')::VARCHAR AS INTEGER), 1)
       OR (length(getvariable('question')::VARCHAR) >= 6 AND starts_with(question_key, getvariable('question')::VARCHAR))
    QUALIFY row_number() OVER (
        ORDER BY length(getvariable('question')::VARCHAR) >= 6 AND starts_with(question_key, getvariable('question')::VARCHAR)
            DESC NULLS LAST, dataset) = 1
), answered AS (
    SELECT o.*, count(*) FILTER (o.share_right > 0) OVER () AS n_right, count(*) OVER () AS n_answered
    FROM outcome AS o JOIN asked AS q ON q.question_key = o.question_key
    WHERE o.run_key IS NOT NULL
      AND (getvariable('student')::VARCHAR[] IS NULL OR list_contains(getvariable('student')::VARCHAR[], o.student))
), taught AS (
    SELECT m.corpus_hash, m.rationale_key, m.question_key, count(*) OVER (PARTITION BY m.corpus_hash) AS n_rows,
        list_distinct(string_split(lower(t.text), ' ')) AS theirs, list_distinct(string_split(lower(q.text), ' ')) AS ours,
        len(list_intersect(theirs, ours)) / len(list_distinct(list_concat(theirs, ours))) AS likeness,
        t.text AS taught_question
    FROM corpus_member AS m
    JOIN question AS t ON t.question_key = m.question_key
    CROSS JOIN asked AS q
    WHERE m.corpus_hash IN (SELECT corpus_hash FROM answered WHERE share_right > 0)
    QUALIFY row_number() OVER (PARTITION BY m.corpus_hash ORDER BY likeness DESC, m.question_key, m.position)
        <= coalesce(getvariable('likest')::INTEGER, 5)
)
SELECT q.question_key, q.dataset, q.place, q.text AS question, q.gold, a.student, a.run_key, a.seed, k.name AS corpus_name, c.teacher,
    c.level, c.format, c.gold_visible, a.n_right, a.n_answered, t.n_rows, t.rationale_key, t.taught_question, n.verdict, r.text, t.likeness
FROM answered AS a
JOIN asked AS q ON q.question_key = a.question_key
JOIN taught AS t ON t.corpus_hash = a.corpus_hash
JOIN corpus AS k ON k.corpus_hash = a.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
JOIN rationale AS r ON r.rationale_key = t.rationale_key
LEFT JOIN rationale_now AS n ON n.rationale_key = t.rationale_key
WHERE a.share_right > 0
ORDER BY a.student, k.name, a.seed, a.run_key, t.likeness DESC, t.rationale_key
