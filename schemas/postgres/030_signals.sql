-- Where a re-read of a table is asked for: Debezium reads these rows from the stream, and marks its own reads in it.
-- https://debezium.io/documentation/reference/stable/configuration/signalling.html

CREATE SCHEMA IF NOT EXISTS penstock;

CREATE TABLE IF NOT EXISTS penstock.signals (
    id   varchar(64) PRIMARY KEY,
    type varchar(32) NOT NULL,
    data text
);
