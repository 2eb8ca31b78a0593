-- Which students does this store train, and how?
-- Grain: one student. Columns: its name, base directory, profile and trainer of its newest run, the seeds of all its runs.
SELECT
    student, arg_max(base_dir, created_at), arg_max(profile, created_at), arg_max(trainer, created_at),
    list_sort(list_distinct(list(seed)))
FROM run
GROUP BY student
ORDER BY min(created_at), student
