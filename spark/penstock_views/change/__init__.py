"""One change record: its schemas, the images that it holds, and the letter of one that cannot be read.

Knows no view.
"""
