-- Which questions does the report's seeded sample of rationales take whole, so that one question can be seen at all its levels?
-- Grain: one question. Data sets take turns; within a data set the order is a hash of seed and question. Columns: dataset,
-- question_key, n (its replies), so_far (replies up to and including this question). Taken while so_far <= $n_block.
WITH members AS (
    SELECT DISTINCT c.dataset, m.question_key, m.reply_key
    FROM member_now AS m JOIN cell AS c ON c.cell_key = m.cell_key
    WHERE m.reply_status IS NOT NULL
), drawn AS (
    SELECT dataset, question_key, count(*) AS n, md5(concat($seed::VARCHAR, '|', question_key)) AS draw
    FROM members GROUP BY ALL
), turns AS (
    SELECT *, row_number() OVER (PARTITION BY dataset ORDER BY draw) AS turn FROM drawn
), taken AS (
    SELECT *, sum(n) OVER (ORDER BY turn, draw ROWS UNBOUNDED PRECEDING) AS so_far FROM turns
)
SELECT dataset, question_key, n, so_far FROM taken WHERE so_far <= $n_block OR so_far = n ORDER BY so_far
