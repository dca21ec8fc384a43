"""What the gateway does for devices and owners; sockets, time and settings are passed in."""
