-- Which topics the views were filled through. A topic that is deleted and made again has another id; its offsets, and with
-- them the versions of the views, begin again.

CREATE TABLE IF NOT EXISTS penstock.topic_ids (
    topic    text PRIMARY KEY,
    id       text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);
