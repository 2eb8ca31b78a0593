-- The supervisions that a question is about. The named questions of `analyze` all begin here.

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
