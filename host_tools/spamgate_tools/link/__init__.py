"""The link to a board or a gateway, from the host's side."""
