-- What did each teacher do and cost? usd counts what is known; calls_unpriced are calls whose cost nobody knows.
-- Grain: one teacher. Columns: calls, failed calls, replies, dollars, unpriced calls, first and last call (UTC).
SELECT
    teacher, count(*) AS calls,
    count(*) FILTER (status IN ('rate_limited', 'unavailable', 'bad_reply')) AS calls_failed,
    count(DISTINCT reply_key) FILTER (status NOT IN ('rate_limited', 'unavailable', 'bad_reply')) AS replies,
    sum(usd) AS usd, count(*) FILTER (usd IS NULL) AS calls_unpriced,
    min(started_at) AS first_call, max(finished_at) AS last_call
FROM attempt
GROUP BY teacher
ORDER BY teacher
