"""What clean homes have in common: an owner with a relay and a domain, and the wish that nobody be blamed."""

from scenario.stage import Domain, Mailing, Outcome, Stage, ask_host


def is_calm(outcome: Outcome) -> None:
    """Nobody was ever above watched."""
    assert outcome.devices
    assert outcome.above_watched() == set(), outcome.story()


def relay_of(stage: Stage, name: str = "smtp.homeprovider.example") -> Domain:
    """The owner's relay, looked up by its own name."""
    return Domain("homeprovider.example", [stage.server(name)])


def to_owner(sender: str, helo: str = "device.home.example") -> Mailing:
    """Reports to the owner, sent through a relay."""
    mailing = Mailing(helo, sender)
    mailing.find = ask_host
    mailing.recipients = lambda domain: ["owner@family.example"]
    return mailing


def own_domain(stage: Stage, hosts: int = 2) -> Domain:
    """The owner's own domain, whose mail servers MX names."""
    names = [f"mx{host}.family.example" for host in range(1, hosts + 1)]
    stage.internet.add_mail_domain("family.example", names)
    return Domain("family.example", [stage.server(name) for name in names])


def every(stage: Stage, every_s: float, times: int, task) -> None:
    """Start `task(turn)` so many times, at this distance."""
    for turn in range(times):
        stage.spawn(task(turn), 120 + every_s * turn)
