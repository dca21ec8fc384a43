"""What a device did, one JSON object a line: {"t": EPOCH, "device": NAME, "what": ..., "message": ID, ...}.

| what | means |
|---|---|
| start, stop | the program's life; stop carries the counts of all others |
| lease, no-lease | what DHCP gave |
| address | the device took a new address (and MAC) |
| lookup | a DNS question, with its answers or how it failed |
| web | a page was fetched |
| sent | a message came to be; every later line about it carries its id |
| connect | a connection to a mail server is tried now |
| tls | a mail server showed a certificate (SHA-256) |
| accepted | a server took the message: 2xx after the final dot |
| refused | a server said no, with code, text and stage |
| failed | a connection failed: not answered, reset, closed; with reason and stage |
| deferred, bounced, expired | a queueing mailer will try again, or has given up |
"""

import json
import os
import sys
import time
from collections import Counter
from typing import Any


class Report:
    """Writes each event at once, so that a reader may follow."""

    def __init__(self, path: str, device: str) -> None:
        self._device = device
        self.counts: Counter[str] = Counter()
        if path == "-":
            self._file = sys.stdout.fileno()
        else:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def tell(self, what: str, message: str = "", **fields: Any) -> None:
        """Write one event."""
        self.counts[what] += 1
        line: dict[str, Any] = {"t": round(time.time(), 6), "device": self._device, "what": what}
        if message:
            line["message"] = message
        os.write(self._file, (json.dumps(line | fields) + "\n").encode("ascii"))
