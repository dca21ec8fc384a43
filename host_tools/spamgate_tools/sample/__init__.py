"""A home made from a seed: what its devices say, as frames that the router's LAN side would capture."""
