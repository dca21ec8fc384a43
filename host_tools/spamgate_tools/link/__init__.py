"""The link: frames, a reliable channel and messages, over a serial line or sealed over TCP."""
