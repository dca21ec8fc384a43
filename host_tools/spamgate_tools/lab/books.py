"""The lab's books: what gateway, servers, devices and referee say about each device, entered under its name.

Four kinds of witness, which do not know each other: the gateway's event log (states and reasons), the servers' logs
(what was accepted: the truth about mail), the devices' reports (what they meant to send) and the referee on the LAN
(connections to port 25 as they left the device).
"""

import dataclasses
from collections.abc import Iterable

NORMAL = "normal"
THROTTLED = ("throttled", "quarantined")
LATE_S = 300

Event = dict


@dataclasses.dataclass(frozen=True)
class Member:
    """A device of the home: `bot` names its kind of spam, and `may_be` the states it may reach in a right run."""

    name: str
    what: str
    bot: str = ""
    may_be: tuple[str, ...] = (NORMAL,)


@dataclasses.dataclass
class Account:
    """What is known of one member."""

    member: Member
    identity: str  # as the gateway names it: its MAC, or MAC/address behind a relay
    state: str = NORMAL
    history: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    evidence: list[Event] = dataclasses.field(default_factory=list)
    connects: int = 0
    first_connect: float | None = None
    accepted: int = 0
    delivered: dict[str, float] = dataclasses.field(default_factory=dict)
    sent: dict[str, float] = dataclasses.field(default_factory=dict)
    refused: int = 0
    bounced: set[str] = dataclasses.field(default_factory=set)

    def since(self, states: Iterable[str]) -> float | None:
        """Return when it first came into one of these states."""
        wanted = tuple(states)
        return next((t for t, state in self.history if state in wanted), None)

    def is_wrong(self) -> bool:
        """Did it change into a state that it should not have?"""
        return not self.member.bot and any(state not in self.member.may_be for _, state in self.history)


class Books:
    """All accounts; entries about nobody we know are kept apart in `strangers`."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.strangers: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def open(self, member: Member, identity: str) -> None:
        """Open the account of a device that the gateway will call `identity`."""
        self.accounts[member.name] = Account(member, identity)
        self._names[identity] = member.name

    def account(self, identity: str) -> Account | None:
        """Return the account of the device that the gateway calls so."""
        return self.accounts.get(self._names.get(identity, ""))

    def gateway(self, event: Event) -> None:
        """Enter a line of the gateway's event log."""
        if event.get("type") != "verdict":
            return
        account = self.account(event["device"])
        if account is None:
            self.strangers[event["device"]] = event["to"]
            return
        account.state = event["to"]
        account.history.append((event["t"], event["to"]))
        account.evidence = event["evidence"]

    def server(self, event: Event) -> None:
        """Enter a line of a mail server's log."""
        if event.get("event") != "accepted":
            return
        message = event["id"].partition("@")[0]
        account = self.accounts.get(_writer(message))
        if account:
            account.accepted += 1
            account.delivered.setdefault(message, event["t"])

    def device(self, event: Event) -> None:
        """Enter a line of a device's report."""
        account = self.accounts.get(event.get("device", ""))
        if account is None:
            return
        message = event.get("message", "")
        if event["what"] == "sent":
            account.sent.setdefault(message, event["t"])
        elif event["what"] in ("refused", "failed"):
            account.refused += message != ""
        elif event["what"] in ("bounced", "expired"):
            account.bounced.add(message)

    def referee(self, event: Event) -> None:
        """Enter a connection to port 25 that the referee saw leave a device."""
        mac = event.get("device", "")
        account = self.account(f"{mac}/{event.get('from')}") or self.account(mac)
        if account:
            account.connects += 1
            if account.first_connect is None:
                account.first_connect = event["t"]

    def bounces(self, name: str, count: int) -> None:
        """Enter the notices of failure that a member's mailbox has."""
        self.accounts[name].bounced |= {f"notice {number}" for number in range(count)}

    def bots(self) -> list[Account]:
        return [account for account in self.accounts.values() if account.member.bot]

    def honest(self) -> list[Account]:
        return [account for account in self.accounts.values() if not account.member.bot]

    def undelivered(self) -> int:
        """How many messages of honest devices are still on their way?"""
        return sum(len(account.sent.keys() - account.delivered.keys()) for account in self.honest())


def _writer(message: str) -> str:
    """Return which device wrote a message: ids are DEVICE.SEED.NUMBER."""
    return message.rpartition(".")[0].rpartition(".")[0]
