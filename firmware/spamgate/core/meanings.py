"""What a server means by a negative reply; the reader of replies decides which it is."""

UNKNOWN_RECIPIENT = 1
POLICY = 2
TEMPORARY = 3
OTHER = 4
