-- Diversity: how varied and how complex is what each cell taught, beside the accuracy that came of it?
-- Grain: one cell; the answer joins it to each student's accuracy. Texts: the rows of the cell's newest corpus; where no
-- corpus was made yet, the rationales that are not known to be wrong. A fixed order by question key (a hash), so that every
-- cell of a data set shows the same questions first.
-- Columns: cell; source (corpus or cell), n_rows, mean realised tokens, steps, equations; share_correct of all judged
-- rationales of the cell; texts: the first $n_texts texts.
WITH chosen AS (
    SELECT * FROM cell
    WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
      AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
      AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
      AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
), members AS (
    SELECT m.cell_key, m.question_key, r.status AS reply_status, n.*  EXCLUDE (question_key, reply_status)
    FROM cell_member AS m
    SEMI JOIN chosen ON chosen.cell_key = m.cell_key
    JOIN reply AS r ON r.reply_key = m.reply_key
    JOIN rationale_now AS n ON n.reply_key = m.reply_key
), judged AS (
    SELECT cell_key, count(*) FILTER (verdict = 'correct') / nullif(count(*) FILTER (verdict IN ('correct', 'wrong', 'unparsed')), 0)
        AS share_correct
    FROM members WHERE reply_status = 'ok' GROUP BY cell_key
), newest AS (
    SELECT corpus_hash, cell_key FROM corpus
    QUALIFY row_number() OVER (PARTITION BY cell_key ORDER BY created_at DESC, corpus_hash) = 1
), used AS (
    SELECT n.cell_key, 'corpus' AS source, cm.question_key, cm.rationale_key, p.text,
        p.realised_tokens, p.realised_steps, p.realised_equations
    FROM newest AS n
    JOIN corpus_member AS cm ON cm.corpus_hash = n.corpus_hash
    JOIN rationale AS p ON p.rationale_key = cm.rationale_key
    SEMI JOIN chosen ON chosen.cell_key = n.cell_key
    UNION ALL
    SELECT m.cell_key, 'cell', m.question_key, m.rationale_key, m.text,
        m.realised_tokens, m.realised_steps, m.realised_equations
    FROM members AS m
    ANTI JOIN newest AS n ON n.cell_key = m.cell_key
    WHERE m.reply_status = 'ok' AND (m.verdict IS NULL OR m.verdict = 'correct')
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY cell_key ORDER BY question_key, rationale_key) AS place FROM used
), cells AS (
    SELECT
        c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
        any_value(u.source) AS source, count(*) AS n_rows,
        avg(u.realised_tokens) AS mean_tokens, avg(u.realised_steps) AS mean_steps, avg(u.realised_equations) AS mean_equations,
        any_value(j.share_correct) AS share_correct,
        list(u.text ORDER BY u.place) FILTER (u.place <= $n_texts) AS texts
    FROM ranked AS u
    JOIN chosen AS c ON c.cell_key = u.cell_key
    LEFT JOIN judged AS j ON j.cell_key = u.cell_key
    GROUP BY ALL
)
SELECT * FROM cells
ORDER BY dataset, teacher, format IS DISTINCT FROM 'answer-only', coalesce(format, 'original') <> 'original',
    format, level NULLS FIRST, gold_visible, prompt_version
