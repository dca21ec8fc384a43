"""Made homes for measuring detectors: what clean devices and senders of spam do, with the source of each habit."""
