-- What this installation knows of itself (penstock/views/state.py alone reads and writes it). It lies with the data that
-- it speaks of: a restored database brings its own, and what other servers hold is compared with it.

CREATE TABLE IF NOT EXISTS penstock.installation (
    epoch    int NOT NULL CHECK (epoch >= 1), -- it only rises
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);

-- The views that the sink is applied without; their records wait in their topics.
CREATE TABLE IF NOT EXISTS penstock.paused_views (
    view text PRIMARY KEY
);
