"""What every detector of the evaluation is told, and what it may do: the same for ours and for those of the papers.

It hears facts in the order of time and may stop connections to port 25, or slow them down.
"""

from dataclasses import dataclass

from spamgate_tools.corpus.facts import Call, Home, Letter, Question

PASS = 0.0
LATER = -1.0  # the gateway answers 421: a queue tries again
NEVER = -2.0  # the connection is rejected: reset, or dropped


@dataclass(eq=False, slots=True)
class Flow:
    """A connection under way."""

    number: int
    device: int
    call: Call
    opened_us: int
    accepted: int = 0  # letters, so far


class Method:
    """A detector for one home; this one sees everything and does nothing.

    `acted_us[device]` is when it first acted against a device; what comes after is its doing.
    """

    name = "none"

    def __init__(self) -> None:
        self.acted_us: dict[int, int] = {}

    def begin(self, home: Home) -> None:
        """Learn who lives there and what the owner has granted."""

    def at(self, now_us: int) -> None:
        """Hear the time, before each fact and at least every ten minutes."""

    def asked(self, now_us: int, device: int, question: Question) -> None:
        """A device has asked DNS and got its answer."""

    def proxy_opened(self, now_us: int, device: int, port: int) -> None:
        """Somebody outside connects to a proxy's port."""

    def opens(self, now_us: int, flow: Flow) -> float:
        """A device opens a connection to a mail server: PASS, LATER, NEVER, or for how many seconds it is held up."""
        return PASS

    def answered(self, now_us: int, flow: Flow) -> None:
        """The server has met the SYN as `flow.call.outcome` says (SILENT: half a minute has gone by)."""

    def greeted(self, now_us: int, flow: Flow) -> None:
        """Banner, HELO and login are over; unless the banner turned the device away nothing of it is refused."""

    def wrote(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """Sender and recipients of a letter were named, and each was answered; its text comes next."""

    def delivered(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """The server has answered the end of the text.  Not told of letters whose recipients were all refused."""

    def closed(self, now_us: int, flow: Flow) -> None:
        """The connection is over."""

    def cuts(self, flow: Flow) -> bool:
        """Is the connection ended now, between letters or before a text begins?"""
        return False

    def granted(self, now_us: int, device: int) -> None:
        """The owner has been told of a device, and lets it mail."""

    def acts_against(self, device: int, now_us: int) -> None:
        """Note that the detector has acted."""
        self.acted_us.setdefault(device, now_us)
