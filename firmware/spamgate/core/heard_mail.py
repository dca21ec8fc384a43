"""What is heard on connections to mail servers: commands, replies, or how much is said within TLS.

What a connection has weighed by its SYN alone is taken back when it comes to nothing: a login, a server's test, a relay
that does not answer or does not want the mail.
"""

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.contacts import ACCEPTED, DOUBTED, IDLE, LOGGED_IN, UNKNOWN
from spamgate.core.counters import MAIL, MESSAGES_ACCEPTED
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.dialogue import Dialogue
from spamgate.core.hashing import hash_bytes
from spamgate.core.mail import FAN_OUT, LOCAL, MET, NOBODY, WIDE_FAN_OUT, Mail
from spamgate.core.meanings import POLICY, UNKNOWN_RECIPIENT
from spamgate.core.providers import network_provider

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.core.granted import GrantedPast

_DAY_S = const(86400)

# Flags of a connection, beside those of Mail.
_ANSWERED = const(32)
_USED = const(64)  # mail was begun, or would have been if the server had greeted and not refused
_SEALED = const(128)
SEALED_ANSWERS = const(10)  # one message takes them
_SEALED_TALK = const(6)  # a handshake, a greeting and a goodbye take fewer


class HeardMail(Mail):
    """Connections of which what is said is seen.  Allocation-free once made."""

    def __init__(self, engine: "Engine", connections: int, distinct: int) -> None:
        super().__init__(engine, connections)
        self.dialogue = Dialogue(engine, distinct)
        self._slots = distinct
        self._granted: "GrantedPast | None" = None  # until somebody is granted
        self._messages = bytearray(connections)

    def established(self, slot: int) -> None:
        """The server accepted the connection."""
        super().established(slot)
        self._flags[slot] |= _ANSWERED | _USED

    def closed(self, slot: int) -> None:
        """The connection is over."""
        if self._device[slot] != NOBODY and self._is_idle(slot):
            self._excuse(slot, IDLE)
        self._messages[slot] = 0
        super().closed(slot)

    def forget_said(self, device: int) -> None:
        """Forget what the device said today."""
        self.dialogue.clear(device)
        if self._granted:
            self._granted.excuse(device)

    def clear(self, device: int, was_taken: bool) -> None:
        """Forget the device: another one takes its number."""
        super().clear(device, was_taken)
        if self._granted:
            self._granted.clear(device)

    def expect_servers(self) -> None:
        """There are granted mail servers: they are judged by their past."""
        if not self._granted:
            from spamgate.core.granted import GrantedPast

            self._granted = GrantedPast(self._engine, self._slots)

    def is_known(self, device: int, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Does the provider of the server at this address have a past with the device?"""
        engine = self._engine
        host = engine.providers.of_host(hash_bytes(buf, at, at + size), engine.now_s)
        provider = host | 1 if host >= 0 else network_provider(buf, at, size)
        return engine.contacts.has_past(device, provider, engine.now_s)

    def began_before(self, slot: int, time_s: int) -> bool:
        """Is the connection that old?"""
        return self._opened_s[slot] <= time_s

    def accepted(self, slot: int) -> None:
        """The server took a message."""
        device = self._device[slot]
        engine = self._engine
        engine.counters.add_smtp(device, self.port(slot), MESSAGES_ACCEPTED)
        if not self.is_judged(slot):
            return
        engine.line.accepted()
        provider = self._provider[slot]
        engine.contacts.mark(device, provider, ACCEPTED, engine.now_s)
        if self._messages[slot] < 255:
            self._messages[slot] += 1
        if not engine.contacts.has_past(device, provider, engine.now_s):
            self.dialogue.took(device, self._messages[slot])

    def introduced(self, slot: int, form: int, name_hash: int, domain_hash: int) -> None:
        """The device told its name."""
        self.dialogue.introduced(self._device[slot], form, name_hash, domain_hash, self._is_direct(slot))

    def wrote_as(self, slot: int, domain_hash: int) -> None:
        """The device named a sender."""
        if self._is_direct(slot) and not self.has_past(slot):
            self.dialogue.wrote_as(self._device[slot], domain_hash)

    def wrote_to(self, slot: int, address_hash: int, domain_hash: int) -> None:
        """The device named a recipient."""
        device = self._device[slot]
        engine = self._engine
        self.dialogue.wrote_to(device, address_hash, domain_hash)
        if not self.has_past(slot):
            self.dialogue.wrote_to_stranger(device, address_hash, self._is_direct(slot))
        elif self.dialogue.wrote_to_known(device, address_hash) and engine.devices.grant[device] != GRANT_MAIL_SERVER:
            engine.contacts.mark(device, self._provider[slot], DOUBTED, engine.now_s)
            engine.observe(device, evidence.MASS_AT_KNOWN)

    def logged_in(self, slot: int) -> None:
        """The server took the device's password."""
        if self.is_judged(slot):
            self._excuse(slot, LOGGED_IN)

    def login_failed(self, slot: int, address_hash: int) -> None:
        """The server refused a password."""
        if not self._flags[slot] & LOCAL:
            self.dialogue.login_failed(self._device[slot], address_hash)

    def rejected(self, slot: int, meaning: int) -> None:
        """A server outside said no to what the device does; `meaning` as `dialogue` lists it."""
        if not self.is_judged(slot):
            return
        self._flags[slot] |= _USED
        device = self._device[slot]
        if meaning == UNKNOWN_RECIPIENT:
            engine = self._engine
            engine.contacts.mark(device, self._provider[slot], UNKNOWN, engine.now_s)
            self.dialogue.unknown_recipient(device, engine.contacts.troubled(device, UNKNOWN, engine.now_s))
        elif meaning == POLICY:
            self._engine.line.refused(self._provider[slot])

    def count(self, slot: int, field: int) -> None:
        """Count an SMTP command."""
        if field == MAIL and self.is_judged(slot):
            self.begun(slot)
        self._engine.counters.add_smtp(self._device[slot], self.port(slot), field)

    def greeted(self, slot: int) -> None:
        """The server is ready for mail."""
        self._flags[slot] &= ~_USED

    def begun(self, slot: int) -> None:
        """Mail is begun on the connection."""
        engine = self._engine
        device = self._device[slot]
        if self._flags[slot] & (MET | _USED) == MET and engine.contacts.begins(device, self._provider[slot]):
            self._weigh_fan_out(device)
        self._flags[slot] |= _USED

    def sealed(self, slot: int) -> None:
        """TLS hides what is said from here on."""
        if self.is_judged(slot):
            self.begun(slot)
            self._flags[slot] |= _SEALED
            self._messages[slot] = 0

    def answered_sealed(self, slot: int) -> None:
        """A server said something within TLS: one message takes ten answers."""
        if self._messages[slot] < 255:
            self._messages[slot] += 1
        if self._messages[slot] == SEALED_ANSWERS and self.is_judged(slot):
            self._engine.contacts.mark(self._device[slot], self._provider[slot], ACCEPTED, self._engine.now_s)

    def _weigh(self, slot: int) -> None:
        """A connection to a provider outside: does it say something about the device?"""
        super()._weigh(slot)
        device = self._device[slot]
        if self._granted and self._engine.devices.grant[device] == GRANT_MAIL_SERVER:
            self._granted.met(device, self._provider[slot])

    def _is_idle(self, slot: int) -> bool:
        """Has a connection that has weighed come to nothing: no mail begun, or none taken by a relay?"""
        flags = self._flags[slot]
        if flags & (MET | _ANSWERED) != MET | _ANSWERED:
            return False
        if flags & _SEALED:
            return self._messages[slot] < _SEALED_TALK
        return not flags & _USED or (not self._messages[slot] and not self._is_direct(slot))

    def _excuse(self, slot: int, flag: int) -> None:
        """The provider does not count, for the reason `flag`: nor does what it was taken for."""
        engine = self._engine
        device = self._device[slot]
        contacts = engine.contacts
        contacts.mark(device, self._provider[slot], flag, engine.now_s)
        in_day = contacts.recent(device, engine.now_s, _DAY_S)
        if not self._has_second(device, in_day):
            engine.board.take_back(device, evidence.SECOND_PROVIDER)
        if in_day < FAN_OUT:
            engine.board.take_back(device, evidence.FAN_OUT)
        if in_day < WIDE_FAN_OUT:
            engine.board.take_back(device, evidence.WIDE_FAN_OUT)

    def _failed(self, slot: int) -> None:
        if self._flags[slot] & MET and self._device[slot] != NOBODY and not self._is_direct(slot):
            self._excuse(slot, IDLE)
        super()._failed(slot)
