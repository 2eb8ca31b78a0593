-- By which weights are students known that are not on this machine?
-- Grain: one student that was trained. Columns: student, base_hash of its newest run.
SELECT student, arg_max(base_hash, created_at) AS base_hash FROM run GROUP BY student
