"""Hosts files: an address, then the names that it stands for.

Only the addresses that lead nowhere make a block; a line with any other address answers for a name, which is nothing
that a list can hold.
"""

from spamgate_tools.blocklist.intake import Intake

SENSE = "a hosts file names hosts; each is taken with everything below it"

NOWHERE = frozenset((b"0.0.0.0", b"127.0.0.1", b"::", b"::1", b"0", b"127.0.1.1", b"0:0:0:0:0:0:0:0", b"::0"))
_OWN = frozenset(
    (
        *(b"localhost", b"localhost.localdomain", b"local", b"localdomain", b"broadcasthost", b"0.0.0.0"),
        *(b"localhost4", b"localhost6", b"localhost4.localdomain4", b"localhost6.localdomain6"),
        *(b"ip6-localhost", b"ip6-loopback", b"ip6-localnet", b"ip6-mcastprefix"),
        *(b"ip6-allnodes", b"ip6-allrouters", b"ip6-allhosts"),
    )
)


def read(intake: Intake) -> None:
    """Take every name that a hosts file sends nowhere."""
    for line in intake.lines():
        words = line.partition(b"#")[0].split()
        if words:
            read_words(intake, words)


def read_words(intake: Intake, words: list[bytes]) -> None:
    """Take the names of one line: an address and names, or a lone name among them."""
    if len(words) == 1 and words[0] not in NOWHERE:
        intake.block_host(words[0])
        return
    names = words[1:]
    if words[0] not in NOWHERE:
        own = all(name.lower() in _OWN for name in names)
        intake.skip("the machine's own names" if own else "answer with an address of its own", len(names))
    elif not names:
        intake.skip("no name after the address")
    else:
        for name in names:
            if name.lower() in _OWN:
                intake.skip("the machine's own names")
            else:
                intake.block_host(name)
