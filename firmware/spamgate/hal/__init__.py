"""What the machine below gives: one file a thing, for every target we run on."""
