-- What did each teacher do and cost? usd counts what is known; unpriced are calls whose cost nobody knows.
-- Grain: one teacher. Columns: calls, calls that failed and were asked again, replies, dollars, unpriced calls
-- and the last call (UTC).
SELECT
    teacher, count(*) AS calls,
    count(*) FILTER (status IN ('rate_limited', 'unavailable', 'bad_reply')) AS failed,
    count(DISTINCT reply_key) FILTER (status NOT IN ('rate_limited', 'unavailable', 'bad_reply')) AS replies,
    round(sum(usd), 4) AS usd, count(*) FILTER (usd IS NULL) AS unpriced,
    strftime(max(finished_at), '%Y-%m-%d %H:%M') AS last_call_utc
FROM attempt
GROUP BY teacher
ORDER BY teacher
