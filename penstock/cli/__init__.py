"""The command line: one module per command group; each holds only the wiring and the printing."""
