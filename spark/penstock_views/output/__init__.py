"""Output of a view for an image: its row, its entries, its group, its contract and its records.

The functions take frames and return frames. They read and write no server.
"""
