"""The resolvers that this Linux asks."""

from spamgate.core.compat import const

_MOST = const(4)


def system_resolvers() -> "list[str]":
    """Return the first few that resolv.conf(5) names."""
    found = []
    try:
        with open("/etc/resolv.conf") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver" and "%" not in words[1]:
                    found.append(words[1])
    except OSError:
        pass
    return found[:_MOST]
