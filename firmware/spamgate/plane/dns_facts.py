"""From DNS messages to what the engine hears of look-ups, and of which provider is behind which address."""

from spamgate.core.compat import const
from spamgate.core.hashing import hash_bytes, hash_pair
from spamgate.core.lookups import LIST_NAME, MAIL_NAME, PLAIN_NAME, TYPE_MX
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.core.engine import Engine

_TYPE_A = const(1)
_TYPE_MX = const(15)
_TYPE_AAAA = const(28)
_ANSWER = const(1)
_PREFERENCE_BYTES = const(2)
_NO_NAME = const(-1)
_NO_PROVIDER = const(-1)
_OUTSIDE = const(-1)


class DnsFacts:
    """Reads messages, one at a time, and tells the engine.  Allocation-free once made."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._message = Message()
        self.qtype = 0  # of the query that was asked last
        self.overhears: "Callable[[int, Message], None] | None" = None  # who wants to hear of each new query

    def asked(self, buf: "bytes | bytearray", start: int, end: int, device: int, port: int) -> int:
        """Take a query that a device sent from `port`; return the hash of its name, or -1.  FormError if malformed."""
        self._message.read(buf, start, end)
        self.qtype = self._message.qtype
        self._engine.about_nobody()
        return self._query(device, port)

    def answer(self, buf: "bytes | bytearray", start: int, end: int, device: int, port: int) -> None:
        """Take an answer that a guard passed on to a device's `port`."""
        try:
            self._message.read(buf, start, end)
            if self._message.qr:
                self._reply(_OUTSIDE, device, port)
        except FormError:
            pass

    def _query(self, device: int, port: int) -> int:
        message = self._message
        at = message.qname_at
        if at < 0 or message.opcode:
            return _NO_NAME
        name_hash = message.hash_name(at)
        lookups = self._engine.lookups
        if not lookups.asked(device, self._key(name_hash, port), message.qtype, name_hash):
            return name_hash
        if self.overhears:
            self.overhears(device, message)
        kind = PLAIN_NAME
        domain_hash = 0
        if message.qtype == _TYPE_A or message.qtype == _TYPE_AAAA:
            if message.is_reverse_address(at):
                kind = LIST_NAME
            elif message.is_mail_name(at):
                kind = MAIL_NAME
                domain_hash = message.domain_hash(at)
        lookups.judge(device, message.qtype, kind, domain_hash)
        return name_hash

    def _reply(self, server: int, device: int, port: int) -> None:
        """An answer to a device; from another device, the home's own resolver, it says who that one is."""
        message = self._message
        at = message.qname_at
        if at < 0 or device < 0:
            return
        lookups = self._engine.lookups
        if server >= 0 and server != device:
            lookups.serves(server)
        name_hash = message.hash_name(at)
        self._engine.about_nobody()
        if lookups.answered(device, self._key(name_hash, port), message.rcode) and message.rcode == 0:
            self._learn(name_hash)

    def _key(self, name_hash: int, port: int) -> int:
        message = self._message
        return hash_pair(hash_pair(hash_pair(name_hash, message.qtype), message.id), port)

    def _learn(self, name_hash: int) -> None:
        """Remember what the answer says about mail servers and addresses."""
        message = self._message
        provider = self._best_exchange() if message.qtype == TYPE_MX else _NO_PROVIDER
        message.read(message.buf, message.start, message.end)
        domain = 0
        while message.next_record():
            if message.rtype == _TYPE_MX and provider != _NO_PROVIDER:
                at = message.rdata_at + _PREFERENCE_BYTES
                self._engine.providers.note_exchange(message.hash_name(at), provider, self._engine.now_s)
            elif message.rtype == _TYPE_A or message.rtype == _TYPE_AAAA:
                if message.section == _ANSWER:
                    # Behind an alias too the address belongs to the name that was asked for.
                    domain = domain or message.domain_hash(message.qname_at)
                    self._learn_host(name_hash, domain)
                else:
                    self._learn_host(message.hash_name(message.name_at), message.domain_hash(message.name_at))

    def _learn_host(self, name_hash: int, domain: int) -> None:
        message = self._message
        size = message.rdata_end - message.rdata_at
        if size == 4 or size == 16:
            address = hash_bytes(message.buf, message.rdata_at, message.rdata_end)
            self._engine.providers.note_host(name_hash, domain, address, self._engine.now_s)

    def _best_exchange(self) -> int:
        """Return the provider all servers of this MX answer stand for: that of the most preferred one."""
        message = self._message
        best = 65536
        provider = _NO_PROVIDER
        while message.next_record():
            if message.rtype != _TYPE_MX or message.section != _ANSWER:
                continue
            at = message.rdata_at
            if message.rdata_end - at <= _PREFERENCE_BYTES + 1:  # too short, or a null MX (RFC 7505)
                continue
            preference = message.buf[at] << 8 | message.buf[at + 1]
            if preference < best:
                best = preference
                provider = message.domain_hash(at + _PREFERENCE_BYTES)
            elif preference == best:
                provider = min(provider, message.domain_hash(at + _PREFERENCE_BYTES))
        return provider
