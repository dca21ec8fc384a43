"""Port 25 closed to the whole home: the switch that routers and providers have, and the measure to beat in leaks."""

from spamgate_tools.evaluation.method import PASS, Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_LABEL = "all devices"


class BlockAll(Cutting):
    """Rejects every connection to port 25, whoever opens it."""

    name = "block_25"

    def attempted(self, now_us: int, flow: Flow) -> float:
        """Whoever mails by port 25 at all is cut off."""
        self.alarm(flow.device, now_us)
        return PASS


def sweep() -> list[Setting]:
    """Return the only setting that a switch has."""
    return [(_LABEL, BlockAll)]


ENTRY = MethodEntry(
    name=BlockAll.name,
    title="Block port 25 for all",
    citation="AVM, FRITZ!Box e-mail filter over port 25; M3AAWG, Managing Port 25 for Residential or Dynamic IP Space",
    factory=BlockAll,
    sweep=sweep,
    published=_LABEL,
    reading=(
        "Acts at a device's first connection to port 25, and so against every device that has one. "
        "Exempt are devices that the owner has granted, as an exception entered in the router would."
    ),
)
