"""The sections of the configuration: how each part of a stack is reached, with its defaults."""
