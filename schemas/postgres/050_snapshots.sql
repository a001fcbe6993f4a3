-- How far the notifications of Debezium were read for snapshots that were cut off and started again (penstock/pipeline/snapshots.py).
-- One row at most; what was found is in penstock.silent_changes, written in the same transaction.

CREATE TABLE IF NOT EXISTS penstock.snapshots_read (
    next_offset bigint NOT NULL,
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
-- The epoch whose snapshot is complete: another one of it means that the source had lost its place.
ALTER TABLE penstock.snapshots_read ADD COLUMN IF NOT EXISTS complete_epoch int;
