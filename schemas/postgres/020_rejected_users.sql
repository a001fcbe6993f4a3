-- Users of the API that are no valid row of public.users, kept aside with the reason. Not part of the publication.

CREATE SCHEMA IF NOT EXISTS loader;

CREATE TABLE IF NOT EXISTS loader.rejected_users (
    seed        text NOT NULL,
    page        int NOT NULL,
    position    int NOT NULL,             -- in the page, from 0
    reason      text NOT NULL,
    content     jsonb NOT NULL,           -- as received, without anything of login but uuid and username
    first_seen  timestamptz NOT NULL DEFAULT now()
);

-- The same bad user again is the same row; md5 only because an index entry is limited to 2.7 kB.
CREATE UNIQUE INDEX IF NOT EXISTS rejected_users_once
    ON loader.rejected_users (seed, page, position, md5(reason), md5(content::text));
