"""Answers of pages and API: each function is called by both, so both show and do the same."""
