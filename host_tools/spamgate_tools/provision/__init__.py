"""From a tray of bare boards to guards with names and keys of their own, each recorded once."""
