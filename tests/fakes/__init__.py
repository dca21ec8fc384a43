"""Working stand-ins for what the engine meets outside."""
