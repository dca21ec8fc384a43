"""The devices of the lab's home: one small program a kind, run inside the network namespace of its device."""
