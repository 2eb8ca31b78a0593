-- Which replies do these questions have, in any cell?
-- Grain: one reply. Columns: reply_key. $questions and $replies are lists of keys; a reply of either is there.
SELECT DISTINCT reply_key FROM member_now
WHERE reply_status IS NOT NULL
  AND (list_contains($questions::VARCHAR[], question_key) OR list_contains($replies::VARCHAR[], reply_key))
ORDER BY reply_key
