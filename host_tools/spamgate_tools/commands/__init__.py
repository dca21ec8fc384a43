"""One file a verb: read the options, call the function that does it, show the result."""
