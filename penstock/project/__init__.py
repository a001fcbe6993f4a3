"""What the clone declares: its folders, views, connector lists, contracts and shapes. Reads and writes files."""
