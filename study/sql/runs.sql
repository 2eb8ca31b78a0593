-- Which of these runs are there, and what became of them?
-- Grain: one run of $runs. outcome: JSON of its last finished or failed event.
SELECT run_key, status, outcome FROM run_status WHERE list_contains($runs, run_key)
