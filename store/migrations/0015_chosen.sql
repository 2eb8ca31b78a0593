-- The supervisions that a question is about: the named questions of `analyze` all begin here. And what a finished run left.

-- Grain: one supervision (a row of `arm`) that no newer corpus of its cell replaced. Narrowed by the variables student, dataset,
-- teacher, level, format, each a list (SET VARIABLE student = ['tiny']); one that is not set narrows nothing. What has no
-- teacher, level or format (the untouched base, human rationales) is always among them: it is what others are held against.
CREATE VIEW arm_chosen AS
SELECT * FROM arm
WHERE is_newest
    AND (getvariable('student')::VARCHAR[] IS NULL OR list_contains(getvariable('student')::VARCHAR[], student))
    AND (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
    AND (getvariable('teacher')::VARCHAR[] IS NULL OR teacher IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
    AND (getvariable('level')::INTEGER[] IS NULL OR level IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
    AND (getvariable('format')::VARCHAR[] IS NULL OR format IS NULL OR list_contains(getvariable('format')::VARCHAR[], format));

-- Runs with what became of them, as before; the outcome of a run that has finished is what it finished with, whatever
-- failed in a later attempt. Grain: one run. interrupted: no end, and no sign of life for 60 s.
CREATE OR REPLACE VIEW run_status AS
WITH last AS (
    SELECT run_key, max(happened_at) AS last_seen_at,
           bool_or(event = 'finished') AS finished,
           arg_max(event, happened_at) FILTER (event IN ('started', 'finished', 'failed')) AS last_event,
           CASE WHEN bool_or(event = 'finished') THEN arg_max(detail, happened_at) FILTER (event = 'finished')
                ELSE arg_max(detail, happened_at) FILTER (event = 'failed') END AS outcome
    FROM run_event GROUP BY run_key
)
SELECT
    run.*, last.last_seen_at, last.outcome,
    CASE WHEN last.finished THEN 'finished'
         WHEN last.last_event = 'failed' THEN 'failed'
         WHEN last.last_seen_at IS NULL THEN 'planned'
         WHEN epoch(now()) - epoch(last.last_seen_at) > 60 THEN 'interrupted'
         ELSE 'running' END AS status
FROM run LEFT JOIN last ON last.run_key = run.run_key;
