"""What the engine hears of a home: the facts, told as plane/watch.py, dns_facts.py and mail_watch.py tell them.

No packets here: tests hold what comes of it to what comes of the same home as frames.
"""

from collections import deque

from spamgate.core.counters import AUTH, DATA, HELO, MAIL, PORT_25, RCPT, STARTTLS, SUBMISSION
from spamgate.core.engine import Engine
from spamgate.core.lookups import PLAIN_NAME, TYPE_MX
from spamgate.core.states import NORMAL, QUIET_S
from spamgate.wire import smtp
from spamgate.wire.address import Scope
from spamgate_tools.corpus.facts import AAAA, OPEN, REFUSED, A, Host, Letter, Question, Reply
from spamgate_tools.evaluation.method import Flow
from spamgate_tools.evaluation.wording import Wording

_SMTP = 25
_SUBMISSIONS = 465  # sealed from the first byte on
_PROXY_PORTS = (1080, 3128, 4145, 8080, 8118)
_RESOLVER = b"\xc0\xa8\x4d\x01"  # whom queries go to, for reports
_NEGATIVE = 400
_PATROL_S = 60
_LATEST_S = 1 << 30
_QUESTIONS = (1 << 30) - 1

_DONE = Reply(250, "2.0.0 Ok")
_TLS_READY = Reply(220, "2.0.0 Ready to start TLS")
_GO_AHEAD = Reply(354, "End data with <CR><LF>.<CR><LF>")
_GOODBYE = Reply(221, "2.0.0 Bye")
_LOGGED_IN = Reply(235, "2.7.0 Authentication successful")
_NO_LOGIN = Reply(535, "5.7.8 Authentication credentials invalid")

_QUIET = 0  # what is seen of a connection: nothing said yet
_PLAIN = 1
_SEALED = 2


class Slot:
    """A connection as the engine knows it."""

    def __init__(self, number: int, device: int) -> None:
        self.number = number
        self.device = device
        self.seen = _QUIET
        self.sealed_answers = 0
        self.is_busy = False  # a message is under way
        self.is_ended = False  # by the router
        self.has_spoken = False

    @property
    def is_sealed(self) -> bool:
        """Does TLS hide what is said?"""
        return self.seen == _SEALED


class Hearing:
    """Tells an engine what happens."""

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._mail = engine.mail
        self._wording = Wording()
        self._scope = Scope([])
        self._free = list(range(connections - 1, -1, -1))
        self._unanswered: deque[int] = deque()  # connections that are over, and nobody ever answered
        self._slots: dict[Flow, Slot] = {}
        self._question = 0
        self._patrolled_s = 0
        self._awaits_s = 0  # until then somebody may still be waiting for an answer

    def at(self, now_s: int, now_us: int) -> None:
        """Tell the time.  A plane's clock lets the engine patrol each minute, here only when it may bring something."""
        if not self._patrolled_s:
            self._patrolled_s = now_s
        latest_s = now_s - (now_s - self._patrolled_s) % _PATROL_S
        while self._patrolled_s < latest_s:
            minutes = max(self._due_s() - self._patrolled_s + _PATROL_S - 1, _PATROL_S) // _PATROL_S
            self._patrolled_s = min(self._patrolled_s + minutes * _PATROL_S, latest_s)
            self._engine.at(self._patrolled_s, 0)
        self._engine.at(now_s, now_us)

    def _due_s(self) -> int:
        if self._patrolled_s < self._awaits_s:
            return self._patrolled_s
        due_s = _LATEST_S
        devices = self._engine.devices
        for device in range(devices.capacity if any(devices.state) else 0):
            state = devices.state[device]
            if state != NORMAL:
                due_s = min(due_s, self._engine.board.evidence_s[device] + QUIET_S[state])
        return due_s

    # --- look-ups ------------------------------------------------------------------------------------

    def asked(self, device: int, question: Question) -> None:
        """A device asks DNS and is answered."""
        engine = self._engine
        lookups = engine.lookups
        name = self._wording.name(question.name)
        self._question = self._question + 1 & _QUESTIONS
        engine.about(_RESOLVER, 0, 4)
        if lookups.asked(device, self._question, question.qtype, name.hash):
            is_address = question.qtype in (A, AAAA)
            lookups.judge(device, question.qtype, name.kind if is_address else PLAIN_NAME, name.domain)
        engine.about_nobody()
        if lookups.answered(device, self._question, question.rcode) and question.rcode == 0:
            self._learn(question)

    def proxy_opened(self, device: int, port: int) -> None:
        """Somebody outside opens a connection to a port of the device."""
        if port in _PROXY_PORTS:
            self._mail.proxied(device)

    def _learn(self, question: Question) -> None:
        """Remember what an answer says about mail servers and addresses."""
        now_s = self._engine.now_s
        providers = self._engine.providers
        if question.qtype == TYPE_MX and question.hosts:
            provider = self._wording.name(question.hosts[0].name).domain
            for name in {host.name: None for host in question.hosts}:
                providers.note_exchange(self._wording.name(name).hash, provider, now_s)
            for host in question.hosts:
                self._learn_host(host.name, host)
        elif question.qtype in (A, AAAA):
            for host in question.hosts:
                self._learn_host(question.name, host)

    def _learn_host(self, text: str, host: Host) -> None:
        if not host.address:  # in a real capture an MX answer may come without
            return
        name = self._wording.name(text)
        address = self._wording.host(host.address)
        self._engine.providers.note_host(name.hash, name.domain, address, self._engine.now_s)

    # --- connections ---------------------------------------------------------------------------------

    def opened(self, flow: Flow, device: int) -> Slot:
        """A SYN passes."""
        call = flow.call
        slot = Slot(self._take(), device)
        self._slots[flow] = slot
        self._about(flow)
        port = PORT_25 if call.port == _SMTP else SUBMISSION
        self._mail.opened(slot.number, device, port, self._wording.host(call.host.address), self.is_local(flow))
        return slot

    def slot(self, flow: Flow) -> Slot | None:
        """Return the connection, if the engine has heard of it."""
        return self._slots.get(flow)

    def flows(self) -> list[tuple[Flow, Slot]]:
        """Return all connections that go on."""
        return list(self._slots.items())

    def answered(self, flow: Flow, slot: Slot) -> None:
        """The server has met the SYN."""
        self._about(flow)
        if flow.call.outcome == OPEN:
            self._mail.established(slot.number)
        elif flow.call.outcome == REFUSED:
            self._mail.refused(slot.number)

    def banner(self, flow: Flow, slot: Slot) -> None:
        """The server speaks first, unless all is sealed."""
        if flow.call.port == _SUBMISSIONS:
            slot.seen = _SEALED
            return
        slot.seen = _PLAIN
        self._replied(flow, slot, flow.call.banner, smtp.BANNER)
        if flow.call.banner.code < _NEGATIVE:
            self._mail.greeted(slot.number)

    def introduced(self, flow: Flow, slot: Slot) -> None:
        """HELO, and the login if it can be seen."""
        if slot.seen != _PLAIN:
            return
        call = flow.call
        slot.has_spoken = True
        self._mail.count(slot.number, HELO)
        if self._mail.is_judged(slot.number):
            self._about(flow)
            self._mail.introduced(slot.number, *self._wording.helo(call.helo))
        self._replied(flow, slot, _DONE, smtp.EHLO)
        if call.starts_tls:
            self._mail.count(slot.number, STARTTLS)
            self._replied(flow, slot, _TLS_READY, smtp.STARTTLS)
            slot.seen = _SEALED
            self._mail.sealed(slot.number)
        elif call.login is not None:
            self._mail.count(slot.number, AUTH)
            self._log_in(flow, slot, call.login)

    def wrote(self, flow: Flow, slot: Slot, letter: Letter) -> None:
        """Sender and recipients, one after another, each with the reply to it."""
        if slot.seen != _PLAIN:
            return
        mail = self._mail
        is_judged = mail.is_judged(slot.number)
        mail.count(slot.number, MAIL)
        self._about(flow)
        if is_judged:
            mail.wrote_as(slot.number, self._wording.address(letter.sender)[1])
        self._replied(flow, slot, _DONE, smtp.MAIL)
        for recipient, reply in letter.recipients:
            if slot.is_ended:
                return
            mail.count(slot.number, RCPT)
            if is_judged:
                mail.wrote_to(slot.number, *self._wording.address(recipient))
            self._replied(flow, slot, reply, smtp.RCPT)
        if all(reply.code >= _NEGATIVE for _, reply in letter.recipients):
            self._replied(flow, slot, _DONE, smtp.RSET)
        else:
            slot.is_busy = True

    def delivered(self, flow: Flow, slot: Slot, letter: Letter) -> bool:
        """The text, and the reply to its end; True if the engine saw a message taken."""
        slot.is_busy = False
        if slot.seen != _PLAIN:
            return False
        self._mail.count(slot.number, DATA)
        self._replied(flow, slot, _GO_AHEAD, smtp.DATA)
        self._replied(flow, slot, letter.reply, smtp.DATA)
        if letter.reply.code >= _NEGATIVE:
            return False
        self._mail.accepted(slot.number)
        return True

    def closed(self, flow: Flow) -> None:
        """The connection is over; one that nobody answered is remembered until there is no other place."""
        slot = self._slots.pop(flow, None)
        if slot is None:
            return
        if flow.call.outcome not in (OPEN, REFUSED):
            self._unanswered.append(slot.number)
            self._awaits_s = self._engine.now_s + 2 * _PATROL_S
            return
        if slot.seen == _PLAIN and slot.has_spoken and not slot.is_ended:
            self._replied(flow, slot, _GOODBYE, smtp.QUIT)
        self._mail.closed(slot.number)
        self._free.append(slot.number)

    def is_local(self, flow: Flow) -> bool:
        """Is the server in the home?"""
        address = flow.call.host.address
        return self._scope.contains(address, 0, len(address))

    def is_host_with_past(self, flow: Flow, device: int) -> bool:
        """Has the server's provider taken the device's mail for long?"""
        return self.is_known(device, flow.call.host.address)

    def is_known(self, device: int, address: bytes) -> bool:
        """Does the provider of the server at this address have a past with the device?"""
        return self._engine.mail.is_known(device, address, 0, len(address))

    def is_busy(self, slot: Slot) -> bool:
        """Is a message under way, or may one be?"""
        return slot.is_busy or slot.is_sealed

    def _log_in(self, flow: Flow, slot: Slot, is_taken: bool) -> None:
        reply = _LOGGED_IN if is_taken else _NO_LOGIN
        self._engine.counters.add_reply(slot.device, self._mail.port(slot.number), reply.code)
        if is_taken:
            self._mail.logged_in(slot.number)
        else:
            self._about(flow)
            self._mail.login_failed(slot.number, self._wording.host(flow.call.host.address))

    def _replied(self, flow: Flow, slot: Slot, reply: Reply, verb: int) -> None:
        mail = self._mail
        self._engine.counters.add_reply(slot.device, mail.port(slot.number), reply.code)
        if reply.code >= _NEGATIVE and mail.is_judged(slot.number):
            self._about(flow)
            mail.rejected(slot.number, self._wording.meaning(reply, verb))

    def _about(self, flow: Flow) -> None:
        address = flow.call.host.address
        self._engine.about(address, 0, len(address))

    def _take(self) -> int:
        """Return a number for a connection; as wire/streams.py does the longest unanswered one's if all are taken."""
        if self._free:
            return self._free.pop()
        if self._unanswered:
            number = self._unanswered.popleft()
        else:
            idlest = next(iter(self._slots))
            number = self._slots.pop(idlest).number
        self._mail.closed(number)
        return number
