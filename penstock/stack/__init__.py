"""The local stack: real servers as supervised processes, and the steps that set them up. Start with `stack.py`."""
