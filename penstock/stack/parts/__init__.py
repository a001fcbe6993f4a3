"""One module per server: its command, its configuration file, and how it shows that it answers."""
