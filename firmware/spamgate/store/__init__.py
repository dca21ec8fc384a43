"""What outlives a restart: settings, state, the ring of connections.  Files only through a storage object passed in."""
