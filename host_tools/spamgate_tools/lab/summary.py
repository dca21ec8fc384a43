"""What a run of the lab came to: the fixed summary object, its judgement, and the same as a table for people."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spamgate_tools.lab.books import LATE_S, THROTTLED, Account, Books

CONTAINED = 5  # messages that a contained bot may have got accepted anywhere in 24 h

_NOT_YET = "-"


def summarize(books: Books, seconds: float) -> dict:
    """Return the summary, its keys in the order of the format."""
    honest = books.honest()
    wrong = [account.identity for account in honest if account.is_wrong()]
    return {
        "type": "summary",
        "seconds": round(seconds, 1),
        "bots": [_bot(account) for account in books.bots()],
        "legitimate": {
            "sent": sum(len(account.sent) for account in honest),
            "delivered": sum(len(account.sent.keys() & account.delivered.keys()) for account in honest),
            "bounced": sum(len(account.bounced) for account in honest),
            "late": sum(_late(account) for account in honest),
        },
        "wrong": wrong + sorted(books.strangers),
    }


def _bot(account: Account) -> dict:
    return {
        "name": account.member.name,
        "kind": account.member.bot,
        "device": account.identity,
        "state": account.state,
        "messages_accepted": account.accepted,
        "smtp_connects": account.connects,
        "seconds_to_throttle": _seconds_to_throttle(account),
    }


def _seconds_to_throttle(account: Account) -> float | None:
    """From its first SYN to port 25; the gateway may be quicker than the referee's clock, never before the SYN."""
    throttled = account.since(THROTTLED)
    if throttled is None or account.first_connect is None:
        return None
    return round(max(0.0, throttled - account.first_connect), 3)


def _late(account: Account) -> int:
    both = account.sent.keys() & account.delivered.keys()
    return sum(account.delivered[message] - account.sent[message] > LATE_S for message in both)


def is_contained(bot: dict) -> bool:
    """At most 5 messages accepted anywhere, and that because it was stopped, not because it never tried."""
    return bot["messages_accepted"] <= CONTAINED and bot["state"] in THROTTLED and bot["smtp_connects"] > 0


def faults(summary: dict) -> list[str]:
    """Return in words what went wrong; nothing when the run was right."""
    found = [f"{_called(bot)}: {_escape(bot)}" for bot in summary["bots"] if not is_contained(bot)]
    mail = summary["legitimate"]
    if mail["delivered"] < mail["sent"]:
        found.append(f"{mail['sent'] - mail['delivered']} of {mail['sent']} legitimate mails did not arrive")
    found += [f"{mail[count]} legitimate mails {count}" for count in ("bounced", "late") if mail[count]]
    return found + [f"{device}: changed state and should not have" for device in summary["wrong"]]


def _escape(bot: dict) -> str:
    if not bot["smtp_connects"]:
        return "never connected to a mail server, so nothing is shown"
    return f"not contained: {bot['messages_accepted']} messages accepted, state {bot['state']}"


def _called(bot: dict) -> str:
    return f"{bot['name']} ({bot['kind']})"


def view(summary: dict) -> RenderableType:
    """Return the summary for people."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    for title in ("infected device", "spams by", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("tried", "leaked", "stopped after"):
        table.add_column(title, justify="right")
    for bot in summary["bots"]:
        table.add_row(*_row(bot))
    mail = summary["legitimate"]
    text = Text(f"Legitimate mail: {mail['delivered']} of {mail['sent']} delivered, {mail['bounced']} bounced, ")
    text.append(f"{mail['late']} late. Other devices that changed state: {len(summary['wrong'])}.")
    found = faults(summary)
    verdict = Text("\n".join(f"- {fault}" for fault in found), "bold red") if found else _all_well(summary)
    return Group(table, text, verdict)


def _row(bot: dict) -> list[RenderableType]:
    seconds = bot["seconds_to_throttle"]
    after = _NOT_YET if seconds is None else f"{seconds:.2f} s"
    style = "green" if is_contained(bot) else "bold red"
    counts = (str(bot["smtp_connects"]), Text(str(bot["messages_accepted"]), style), after)
    return [Text(bot["name"]), Text(bot["kind"]), Text(bot["state"], style), *counts]


def _all_well(summary: dict) -> Text:
    bots = summary["bots"]
    leaked = sum(bot["messages_accepted"] for bot in bots)
    said = f"All {len(bots)} bots contained, {leaked} of their messages leaked; the rest of the home noticed nothing."
    return Text(said, "green")
