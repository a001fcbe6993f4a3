-- The source table. Every column comes from the API except what must never be stored: login.password, .salt, .md5, .sha1, .sha256.

CREATE TABLE IF NOT EXISTS public.users (
    id            uuid PRIMARY KEY,       -- login.uuid
    email         text NOT NULL,          -- not unique: the API repeats addresses
    username      text,
    title         text,
    first_name    text NOT NULL,
    last_name     text NOT NULL,
    gender        text,
    date_of_birth date,
    registered    timestamptz(3) NOT NULL, -- milliseconds: all that the API sends, and all that CQL holds
    phone         text,
    cell          text,
    nationality   text,
    street_number int,
    street_name   text,
    city          text,
    state         text,
    country       text NOT NULL,
    postcode      text,                   -- the API sends a number or a string
    latitude      numeric(7, 4),
    longitude     numeric(7, 4),
    timezone      jsonb,
    national_id   jsonb,                  -- id.name and id.value, which may be null
    picture       jsonb
);
