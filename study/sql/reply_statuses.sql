-- What became of the replies that cells want?
-- Grain: one cell of $cells and status (NULL: not there yet). Columns: cell_key, status, n.
SELECT cell_key, reply_status AS status, count(*) AS n
FROM member_now
WHERE list_contains($cells, cell_key)
GROUP BY ALL
