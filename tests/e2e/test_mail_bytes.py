"""The mail of a device in good standing is not touched: servers' greetings, certificates and messages pass as they are.

Everything is done twice, from the home through the gateway and from the internet beside the server, and compared.
"""

import ssl
import sys

import pytest
from e2e.mail_home import MailHome, require

from spamgate_tools.lab import exim, postfix
from spamgate_tools.lab.accounts import EXCHANGES, PROVIDERS
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.letters import digest, letter
from spamgate_tools.lab.mx import exchangers
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.waiting import wait_until

VILLAGE = next(provider for provider in PROVIDERS if provider.domain == "village.example")
REAL, SCRIPTED = VILLAGE.exchanges[0], EXCHANGES[0]
SERVERS = {"postfix": REAL, "scripted": SCRIPTED}

_EHLO = """
import socket, sys
with socket.create_connection((sys.argv[1], 25), 10) as server:
    for said in (b"", b"EHLO client.home.example\\r\\n", b"QUIT\\r\\n"):
        server.sendall(said)
        heard = b""
        while not (heard.endswith(b"\\r\\n") and heard.splitlines()[-1][3:4] == b" "):
            more = server.recv(4096)
            if not more:
                raise SystemExit("the server hung up")
            heard += more
        sys.stdout.write(heard.hex() + "|")
"""
_CERTIFICATE = """
import smtplib, ssl, sys
context = ssl._create_unverified_context()
with smtplib.SMTP(sys.argv[1], 25, "client.home.example", 10) as server:
    server.starttls(context=context)
    sys.stdout.write(ssl.DER_cert_to_PEM_cert(server.sock.getpeercert(True)))
"""
ODD_BODIES = {
    "dots": b".\r\n..\r\n...dots\r\n.\r\nend.\r\n",
    "eight-bit": bytes(range(128, 256)) * 3 + b"\r\n" + "Grüße, 世界\r\n".encode(),
    "long-lines": b"x" * 998 + b"\r\n" + b"y" * 997 + b"\r\n",
    "blanks": b" \r\n\t\r\nword \t \r\n\r\n\r\n",
    "commands": b"QUIT\r\nRSET\r\nMAIL FROM:<a@b.example>\r\n554 5.7.1 no\r\n",
    "empty": b"",
}


def _without_postfixs(authority):
    return [server for server in exchangers(authority) if server.name != REAL.name]


@pytest.fixture(scope="module")
def home():
    require(postfix.not_possible())
    with MailHome("mailbytes", ["device", "exim"], _without_postfixs) as home:
        home.certificate = home.authority.issue(REAL.name)
        home.village = postfix.Exchanger(
            home.internet, REAL.name, [VILLAGE.domain], REAL.addresses, home.certificate
        )
        home.village.start()
        home.start_router()
        yield home


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("server", SERVERS)
def test_greeting_and_ehlo_reply_are_the_servers(home, server, family):
    inside, outside = (_run(host, _EHLO, SERVERS[server], family) for host in (home.devices["device"], home.internet))
    assert inside == outside
    assert b"STARTTLS" in bytes.fromhex(inside.split("|")[1])


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("server", SERVERS)
def test_the_certificate_after_starttls_is_the_servers(home, server, family):
    inside, outside = (
        _run(host, _CERTIFICATE, SERVERS[server], family) for host in (home.devices["device"], home.internet)
    )
    assert inside == outside
    if server == "postfix":
        assert ssl.PEM_cert_to_DER_cert(inside) == ssl.PEM_cert_to_DER_cert(home.certificate.certificate.read_text())


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("body", ODD_BODIES)
def test_a_message_arrives_as_by_a_direct_path(home, body, tls):
    sent = {}
    for where, host in (("inside", home.devices["device"]), ("outside", home.internet)):
        name = f"{where}.{body}.{tls}@home.example"
        message = letter(OWNER, ["friend@north.example"], name, 0) + ODD_BODIES[body]
        sent[name] = digest(message)
        _send(home, host, message, tls)
    arrived = {one["id"]: one["sha256"] for one in home.mail.accepted()}
    assert {name: arrived.get(name) for name in sent} == sent


@pytest.mark.skipif(bool(exim.not_possible()), reason=f"not run: {exim.not_possible()}")
def test_exims_chunks_reach_postfix_unchanged(home):
    """Exim sends with BDAT (RFC 3030) where it is offered."""
    server = exim.Exim(home.devices["exim"], hour_s=2)
    server.start()
    recipient = f"friend@{VILLAGE.domain}"
    message = letter(OWNER, [recipient], "exim.chunks@home.example", 300_000)
    server.submit([Letter(OWNER, (recipient,), message)])
    wait_until(lambda: bool(home.village.received()) and server.queued() == 0, 60, "the message")
    assert [one["sha256"] for one in home.village.received()] == [digest(message)]
    assert " K " in server.log() or " K\n" in server.log(), "it did not use BDAT"


def test_nobody_is_more_than_watched(home):
    """Two providers are one more than most devices mail, and Exim asked MX: both pass."""
    assert {verdict["to"] for verdict in home.verdicts()} <= {"watched"}, home.story()


def _run(host, program, server, family):
    address = server.address4 if family == 4 else server.address6
    return host.run([sys.executable, "-c", program, address], timeout=60).stdout


def _send(home, host, message, tls):
    file = host.folder / "message"
    file.write_bytes((b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
    words = ["swaks", "--server", SCRIPTED.address4, "--from", OWNER, "--to", "friend@north.example"]
    words += ["--data", f"@{file}", "--no-data-fixup", "--suppress-data"]
    words += ["--tls", "--tls-verify", "--tls-ca-path", str(home.authority.certificate)] if tls else []
    host.run(words, timeout=60)
