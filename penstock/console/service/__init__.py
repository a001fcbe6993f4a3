"""What pages and API can ask for: each function is called by both, so both show and do the same."""
