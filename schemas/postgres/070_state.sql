-- What this installation knows of itself (penstock/postgres/record.py alone reads and writes it). It lies with the data that
-- it speaks of: a restored database brings its own, and what other servers hold is compared with it.

CREATE TABLE IF NOT EXISTS penstock.installation (
    epoch    int NOT NULL CHECK (epoch >= 1), -- it only rises
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);

-- Among how many partitions of a change topic the source chooses, in this epoch: a topic may get more, but no row moves.
ALTER TABLE penstock.installation ADD COLUMN IF NOT EXISTS partitions int CHECK (partitions >= 1);

-- The form of what is kept (FORM in penstock/postgres/record.py) of the latest version that set it up. A clone that knows an
-- earlier one alone changes nothing.
ALTER TABLE penstock.installation ADD COLUMN IF NOT EXISTS form int;

-- The views that the sink is applied without; their records wait in their topics.
CREATE TABLE IF NOT EXISTS penstock.paused_views (
    view text PRIMARY KEY
);

-- The tables whose changes the source sends: their topics were made. It leaves out the others, whatever is published, as it
-- would wait for their topics. A name stays while its table is published.
CREATE TABLE IF NOT EXISTS penstock.known_tables (
    table_name text PRIMARY KEY               -- as the publication names it: schema.table, without quotes
);
INSERT INTO penstock.known_tables VALUES ('penstock.signals') ON CONFLICT DO NOTHING;

-- A source with a role of its own reads both tables; an earlier version gave it the first alone.
DO $$
DECLARE
    reader regrole;
BEGIN
    FOR reader IN
        SELECT acl.grantee FROM pg_class, aclexplode(relacl) AS acl
        WHERE oid = 'penstock.altered_columns'::regclass AND acl.privilege_type = 'SELECT' AND acl.grantee NOT IN (0, relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON penstock.known_tables TO %s', reader);
    END LOOP;
END
$$;

-- A view's table in Cassandra that holds everything; a table that was made again there has another id.
CREATE TABLE IF NOT EXISTS penstock.view_fills (
    view       text PRIMARY KEY,
    table_id   uuid NOT NULL,
    generation int NOT NULL,
    source     text,                          -- the life that it was filled from (penstock.table_lives), in which database
    filled_at  timestamptz NOT NULL DEFAULT now()
);

-- The last snapshot that a fill began to write to a view's table, whether it was cut off or not.
CREATE TABLE IF NOT EXISTS penstock.view_fills_begun (
    view     text PRIMARY KEY,
    table_id uuid NOT NULL,
    version  bigint NOT NULL,                 -- that its rows have
    source   text NOT NULL,                   -- as in view_fills; empty if there was none
    begun_at timestamptz NOT NULL DEFAULT now()
);
-- How far it has come, from which a fill that was cut off goes on; NULL where it begins again (penstock/views/resume.py).
ALTER TABLE penstock.view_fills_begun ADD COLUMN IF NOT EXISTS progress jsonb;

-- The commands that started to change the installation and have not come to their end. One is at work while its session
-- holds the advisory lock; any other was cut off.
CREATE TABLE IF NOT EXISTS penstock.commands (
    command  text PRIMARY KEY,                -- as it is run again
    place    text NOT NULL,                   -- its process, for people
    session  int NOT NULL,                    -- the pid of its session in Postgres
    step     text NOT NULL DEFAULT '',        -- the last one that it has done
    begun_at timestamptz NOT NULL DEFAULT now()
);
