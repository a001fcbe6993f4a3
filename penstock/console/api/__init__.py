"""The JSON API: routes only, one module per page; what they answer comes from snapshot and services."""
