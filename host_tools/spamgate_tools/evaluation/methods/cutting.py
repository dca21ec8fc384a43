"""What all detectors of the literature have in common here: whom they leave alone, and what they do on alarm.

The papers end with an alarm.  Its consequence is the same for all: the device is cut off from port 25 for good, its
connections there included.  Other ports are not touched, nor is a device that the owner has granted (mail-server).
"""

from spamgate_tools.corpus.facts import Home
from spamgate_tools.evaluation.method import NEVER, PASS, Flow, Method

SMTP_PORT = 25


class Cutting(Method):
    """Cuts a device off from port 25 at its `alarm`; a detector fills in what it wants to hear."""

    def __init__(self) -> None:
        super().__init__()
        self._cut: set[int] = set()

    def begin(self, home: Home) -> None:
        """Leave alone whom the owner has granted."""
        self._exempt = {at for at, resident in enumerate(home.residents) if resident.is_granted}

    def alarm(self, device: int, now_us: int) -> None:
        """Cut the device off."""
        self._cut.add(device)
        self.acts_against(device, now_us)

    def granted(self, now_us: int, device: int) -> None:
        """The owner wants the device to mail."""
        self._exempt.add(device)
        self._cut.discard(device)

    def watches(self, device: int) -> bool:
        """Is there still something to find out about this device?"""
        return device not in self._exempt and device not in self._cut

    def concerns(self, flow: Flow) -> bool:
        """Is this a connection to port 25 of a device that is still watched?"""
        return flow.call.port == SMTP_PORT and self.watches(flow.device)

    def opens(self, now_us: int, flow: Flow) -> float:
        """Reject what a device that is cut off opens to port 25; ask the detector about the rest."""
        wait_s = self.attempted(now_us, flow) if self.concerns(flow) else PASS
        return NEVER if self.cuts(flow) else wait_s

    def attempted(self, now_us: int, flow: Flow) -> float:
        """Hear of a SYN to port 25 of a watched device; return for how many seconds it is held up."""
        return PASS

    def cuts(self, flow: Flow) -> bool:
        """End connections to port 25 of a device that is cut off."""
        return flow.device in self._cut and flow.call.port == SMTP_PORT
