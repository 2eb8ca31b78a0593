-- How far is each teacher, what did it cost, and how fast is it now? Counts what waits in the spool (the frames
-- waiting_reply, waiting_attempt and waiting_reservation) with what is in the store.
-- Grain: one teacher that was asked for something, or paid. Columns:
--   wanted         replies that its cells want
--   cached         of these, those that are here, whatever their status
--   in_batches     of the others, those that an open batch may bring
--   left           of the others, the rest: what the next `generate` asks for
--   failed         of those left, the ones that were asked for and failed
--   unusable       of those here, the ones that cannot be used (truncated, refused, filtered ...)
--   calls, failed_calls   all calls, and those that were turned away or cut and asked again
--   usd            known dollars, with what is reserved for calls and batches without a result yet (usd_reserved)
--   unpriced       calls whose cost nobody knows, in no sum
--   per_min        replies a minute, live ones of the last 5 minutes before $now (batches bring theirs at once); 0: none
--   eta_s          seconds until nothing is left at that rate; NULL: nobody has answered for 60 s, or nothing is left
--   last_call_utc
WITH here AS (
    SELECT reply_key, status FROM reply
    UNION SELECT reply_key, status FROM waiting_reply
), made AS (
    SELECT attempt_key, reply_key, teacher, status, usd, usd_basis, started_at, finished_at FROM attempt
    UNION ALL
    SELECT w.attempt_key, w.reply_key, w.teacher, w.status, w.usd, w.usd_basis,
        CAST(w.started_at AS TIMESTAMP), CAST(w.finished_at AS TIMESTAMP)
    FROM waiting_attempt AS w ANTI JOIN attempt AS a ON a.attempt_key = w.attempt_key
), set_aside AS (
    SELECT attempt_key, teacher, usd FROM reservation
    UNION SELECT attempt_key, teacher, usd FROM waiting_reservation
    UNION ALL
    SELECT m.attempt_key, b.teacher, m.usd_reserved
    FROM batch_member AS m JOIN batch_now AS b ON b.batch_key = m.batch_key
    WHERE b.state <> 'withdrawn' AND m.usd_reserved IS NOT NULL
), cost AS (
    SELECT teacher, usd, usd_basis = 'reserved' AS reserved FROM made
    UNION ALL
    SELECT s.teacher, s.usd, true FROM set_aside AS s ANTI JOIN made AS a ON a.attempt_key = s.attempt_key
), spent AS (
    SELECT teacher, sum(usd) AS usd, sum(usd) FILTER (reserved) AS usd_reserved, count(*) FILTER (usd IS NULL) AS unpriced
    FROM cost GROUP BY teacher
), failed AS (
    SELECT reply_key FROM made GROUP BY reply_key
    HAVING bool_and(status IN ('rate_limited', 'unavailable', 'bad_reply', 'failed', 'missing', 'expired', 'cancelled'))
), member AS (
    SELECT DISTINCT c.teacher, m.reply_key
    FROM member_now AS m JOIN cell AS c ON c.cell_key = m.cell_key
), progress AS (
    SELECT
        m.teacher, count(*) AS wanted,
        count(h.reply_key) AS cached,
        count(*) FILTER (h.reply_key IS NULL AND b.reply_key IS NOT NULL) AS in_batches,
        count(*) FILTER (h.reply_key IS NULL AND b.reply_key IS NULL) AS "left",
        count(*) FILTER (h.reply_key IS NULL AND b.reply_key IS NULL AND f.reply_key IS NOT NULL) AS failed,
        count(*) FILTER (h.status <> 'ok') AS unusable
    FROM member AS m
    LEFT JOIN here AS h ON h.reply_key = m.reply_key
    LEFT JOIN (SELECT DISTINCT reply_key FROM batch_open_reply) AS b ON b.reply_key = m.reply_key
    LEFT JOIN failed AS f ON f.reply_key = m.reply_key
    GROUP BY m.teacher
), recent AS (
    SELECT a.teacher, count(*) AS n, min(a.started_at) AS since, max(a.finished_at) AS until
    FROM made AS a
    SEMI JOIN here AS h ON h.reply_key = a.reply_key
    ANTI JOIN batch_member AS m ON m.attempt_key = a.attempt_key
    WHERE a.finished_at > CAST($now AS TIMESTAMP) - INTERVAL 5 MINUTE
        AND a.status NOT IN ('rate_limited', 'unavailable', 'bad_reply')
    GROUP BY a.teacher
), pace AS (
    SELECT teacher, until, n / greatest(1.0, epoch(CAST($now AS TIMESTAMP)) - epoch(since)) AS per_s FROM recent
), calls AS (
    SELECT teacher, count(*) AS calls,
        count(*) FILTER (status IN ('rate_limited', 'unavailable', 'bad_reply')) AS failed_calls,
        max(finished_at) AS last_call
    FROM made GROUP BY teacher
)
SELECT
    coalesce(p.teacher, c.teacher) AS teacher,
    coalesce(p.wanted, 0) AS wanted, coalesce(p.cached, 0) AS cached, coalesce(p.in_batches, 0) AS in_batches,
    coalesce(p."left", 0) AS "left", coalesce(p.failed, 0) AS failed, coalesce(p.unusable, 0) AS unusable,
    coalesce(c.calls, 0) AS calls, coalesce(c.failed_calls, 0) AS failed_calls,
    CASE WHEN coalesce(s.usd, 0) = 0 AND s.unpriced > 0 THEN NULL ELSE round(coalesce(s.usd, 0), 6) END AS usd,
    round(coalesce(s.usd_reserved, 0), 6) AS usd_reserved, coalesce(s.unpriced, 0) AS unpriced,
    round(coalesce(60 * r.per_s, 0), 1) AS per_min,
    CASE WHEN r.until > CAST($now AS TIMESTAMP) - INTERVAL 60 SECOND AND p."left" > 0
         THEN CAST(ceil(p."left" / r.per_s) AS BIGINT) END AS eta_s,
    strftime(c.last_call, '%Y-%m-%d %H:%M:%S') AS last_call_utc
FROM progress AS p
FULL JOIN calls AS c ON c.teacher = p.teacher
LEFT JOIN spent AS s ON s.teacher = coalesce(p.teacher, c.teacher)
LEFT JOIN pace AS r ON r.teacher = coalesce(p.teacher, c.teacher)
WHERE coalesce(c.calls, 0) > 0 OR p."left" > 0 OR p.in_batches > 0
ORDER BY 1
