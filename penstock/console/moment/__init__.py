"""Concludes from what was seen: the state of each part, events, alerts, rates and the moment that has them all."""
