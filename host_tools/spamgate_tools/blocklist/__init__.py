"""Lists of names and addresses: read from sources, built into one file, looked into."""
