"""A device in words: who it is, in which state and since when, what it did, and what its owner can do."""

import shlex
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.text import Text

from spamgate.core.sentences import SENTENCES

STYLES = {"normal": "green", "watched": "yellow", "throttled": "red", "quarantined": "bold red", "released": "cyan"}

_MEANINGS = {
    "normal": "its mail passes",
    "watched": "its mail passes, and is looked at",
    "throttled": "a few of its connections a day pass; the rest are told to try again later (421)",
    "quarantined": "all its mail is told to try again later (421) until you decide",
    "released": "its mail passes; if it goes on it is throttled again soon",
}
_CONFIRMED = "all its mail is refused for good (554), as you confirmed"
_HELD = ("throttled", "quarantined")


def title(device: dict) -> str:
    """Return the device's name and what it is known by."""
    return f"{device['name']} ({device['device']})" if device.get("name") else device["device"]


def state(device: dict) -> Text:
    """Return the state in its colour."""
    return Text(device["state"], style=STYLES.get(device["state"], ""))


def utc(epoch: float) -> str:
    """Return UNIX seconds as text."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def sentence(reason: dict) -> str:
    """Return what the device did; a kind of evidence that is newer than this tool goes by its id."""
    return SENTENCES.get(reason["kind"], reason["kind"])


def action_text(action: dict) -> str:
    """Return what a gateway answers to an order."""
    now = f"{action['device']} is {action['state']} now"
    return f"{now}, granted: {action['grant']}" if action.get("grant") else now


def event_text(event: dict) -> str:
    """Return one line of an event log in words."""
    when = utc(event["t"]) if "t" in event else ""
    if event["type"] == "verdict":
        return f"{when}  {title(event)}: {event['from']} -> {event['to']}"
    if event["type"] == "action":
        return f"{when}  {event.get('action', 'action')}: {action_text(event)}"
    if event["type"] == "list":
        facts = [f"{name} {event[name]}" for name in ("version", "names", "addresses") if name in event]
        return f"{when}  list {event.get('event', '')}: {event.get('text') or ', '.join(facts)}".rstrip(" :")
    return f"{when}  {event['type']} {event.get('text', '')}".rstrip()


def explain_device(lines: dict[str, dict]) -> RenderableType:
    """Return the answer to `explain`, whose lines are given by their types."""
    device, verdict, details = lines["device"], lines.get("verdict", {}), lines.get("explain", {})
    head = Text.assemble((title(device), "bold"), ": ", state(device))
    if details.get("since"):
        head.append(f" since {utc(details['since'])}")
    meaning = _CONFIRMED if details.get("confirmed") else _MEANINGS.get(device["state"], "")
    parts: list[RenderableType] = [head, Text(f"  {meaning}\n")]
    parts += [Text(f"  {what:10}{value}") for what, value in _facts(device, details)]
    parts += [Text("\nwhy:"), *_reasons(details.get("evidence") or verdict.get("evidence") or [])]
    parts += _choices(device, bool(details.get("confirmed")))
    return Group(*parts)


def _facts(device: dict, details: dict) -> list[tuple[str, str]]:
    facts = [("addresses", ", ".join(device["addresses"]) or "none seen")]
    smtp = device["smtp"]
    if device.get("first_smtp"):
        where = f"{_count(smtp['connects'], 'connection')} to {_count(smtp['destinations'], 'server')}"
        accepted = _count(smtp["messages_accepted"], "message")
        facts.append(("port 25", f"{where} since {utc(device['first_smtp'])}; {accepted} accepted"))
    else:
        facts.append(("port 25", "never used"))
    if details.get("refused"):
        facts.append(("refused", f"{_count(details['refused'], 'connection')}, by this gateway"))
    listed = device.get("listed", {})
    if any(listed.values()):
        wanted = [_count(listed["names"], "name"), f"{listed['addresses']} address" + "es" * (listed["addresses"] != 1)]
        facts.append(("blocklist", f"wanted {wanted[0]} and {wanted[1]} that it names, repeats counted"))
    facts.append(("granted", details.get("grant", "none")))
    if details.get("ticket"):
        facts.append(("ticket", details["ticket"]))
    return facts


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _reasons(evidence: list[dict]) -> list[RenderableType]:
    if not evidence:
        return [Text("  nothing speaks against it")]
    return [Text(f"  - {sentence(reason)} ({_when(reason)})") for reason in evidence]


def _when(reason: dict) -> str:
    parts = [f"{reason['count']} times"] if reason["count"] > 1 else []
    parts.append(f"last {utc(reason['last'])}" if parts else utc(reason["last"]))
    if reason.get("peer"):
        parts.append(f"to {reason['peer']}")
    return ", ".join(parts)


def _choices(device: dict, is_confirmed: bool) -> list[RenderableType]:
    """Return what the owner can do about a device that is held back."""
    if device["state"] not in _HELD:
        return []
    name = shlex.quote(device["device"])
    choices = [("release", name, "it is clean now, or never was guilty")]
    if device["state"] == "quarantined" and not is_confirmed:
        choices.append(("confirm", name, "it does send spam: refuse its mail for good"))
    choices.append(("grant", f"{name} mail-server", "it is a mail server of yours"))
    said = [(f"spamgate {verb} {words}", why) for verb, words, why in choices]
    width = max(len(words) for words, _ in said)
    return [Text("\nyou can say:"), *(Text(f"  {words:{width}}  {why}") for words, why in said)]
