-- How far is each cell: what it wants, what came back and how that was judged?
-- Grain: one cell. strict: right by the paper's rule, the first match of "The answer is X".
SELECT
    dataset, teacher, level, format, gold_visible,
    count(*)                                               AS wanted,
    count(reply_status)                                    AS received,
    count(*) - count(reply_status)                         AS missing,
    count(*) FILTER (verdict = 'correct')                  AS correct,
    count(*) FILTER (verdict = 'wrong')                    AS wrong,
    count(*) FILTER (verdict = 'unparsed')                 AS unparsed,
    count(*) FILTER (strict_verdict = 'correct')           AS strict,
    count(*) FILTER (reply_status NOT IN ('ok'))           AS unusable,
    round(avg(realised_tokens), 1)                         AS mean_tokens
FROM cell_rationale
GROUP BY ALL
ORDER BY dataset, teacher, level NULLS FIRST, format, gold_visible
