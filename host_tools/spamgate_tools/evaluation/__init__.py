"""How well detectors find senders of spam, and whom else they touch: ours beside those of the literature."""
