-- What a training step also says: memory in use, and the loss on the validation split where there is one.
ALTER TABLE run_step ADD COLUMN memory_bytes BIGINT;       -- peak of the process so far; on a GPU, of the card
ALTER TABLE run_step ADD COLUMN validation_loss DOUBLE;    -- mean over the validation rows, at the end of an epoch
