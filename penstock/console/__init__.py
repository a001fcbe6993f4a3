"""The control center: collectors look at each system, pages and API show what they saw; docs/console.md."""
