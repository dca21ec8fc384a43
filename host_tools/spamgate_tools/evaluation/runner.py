"""Lets a home's plan happen under a detector: tasks on a heap of waits, and the facts they make, in the order of time.

A detector that stops a connection changes what happens next: a queue tries again, a bot goes on to the next victim.
What a detector has delayed or lost is what comes out otherwise than in a run with `Method`, which does nothing.
"""

import heapq
from collections.abc import Generator, Iterator

from spamgate_tools.corpus.facts import OPEN, SILENT, Act, Call, Errand, Home, Letter, ProxyOpened, Question
from spamgate_tools.evaluation.ledger import DeviceRecord, Ending, HomeRecord
from spamgate_tools.evaluation.method import PASS, Flow, Method

_US = 1000000
_ASK_S = 0.03
_SILENT_S = 31.0  # most mailers give up a SYN after 30; our engine takes it as failed then
_HELD_S = 30.0  # a SYN that is held up for longer has failed
_TICK_S = 600.0
_REFUSED = 400
_FOR_GOOD = 500

Task = Generator[float, None, None]
Saying = Generator[float, None, int]


def run_home(home: Home, method: Method) -> HomeRecord:
    """Let everything happen that was planned; retries go on for as long as a queue keeps them."""
    return _Runner(home, method).run()


class _Runner:
    def __init__(self, home: Home, method: Method) -> None:
        self._home = home
        self._method = method
        self._heap: list[tuple[int, int, Task]] = []
        self._spawned = self._flows = self._errands = self._now_us = 0
        self._counted_us = int(home.counted_from_s * _US)
        self._end_us = int(home.seconds * _US)
        self._devices = [DeviceRecord() for _ in home.residents]

    def run(self) -> HomeRecord:
        self._method.begin(self._home)
        self._spawn(self._plan(self._home.plan()), 0.0)
        self._spawn(self._clock(), _TICK_S)
        while self._heap:
            self._now_us, _, task = heapq.heappop(self._heap)
            self._method.at(self._now_us)
            for wait_s in task:
                self._spawn(task, wait_s)
                break
        for device, record in enumerate(self._devices):
            record.acted_us = self._method.acted_us.get(device)
        return HomeRecord(self._home.kind, self._home.seed, self._method.name, self._devices)

    def _spawn(self, task: Task, wait_s: float) -> None:
        self._spawned += 1
        heapq.heappush(self._heap, (self._now_us + int(wait_s * _US), self._spawned, task))

    def _clock(self) -> Task:
        """Let time pass for the detector where nothing happens; and let owners answer."""
        waits = {at: one.grant_after_s for at, one in enumerate(self._home.residents)}
        waiting = {at: after_s for at, after_s in waits.items() if after_s is not None}
        while self._now_us < self._end_us:
            for device, after_s in list(waiting.items()):
                acted_us = self._method.acted_us.get(device)
                if acted_us is not None and self._now_us - acted_us >= after_s * _US:
                    self._method.granted(self._now_us, device)
                    del waiting[device]
            yield _TICK_S

    def _plan(self, acts: Iterator[tuple[float, int, Act]]) -> Task:
        for at_s, device, act in acts:
            wait_s = at_s - self._now_us / _US
            if wait_s > 0:
                yield wait_s
            if isinstance(act, Question):
                self._ask(device, act)
            elif isinstance(act, ProxyOpened):
                self._method.proxy_opened(self._now_us, device, act.port)
            else:
                self._errands += 1
                self._spawn(self._errand(self._errands, device, act), 0.0)

    def _ask(self, device: int, question: Question) -> None:
        if question.is_seen:
            self._method.asked(self._now_us, device, question)

    # --- one errand ----------------------------------------------------------------------------------

    def _errand(self, number: int, device: int, errand: Errand) -> Task:
        """Try until nothing is left to say, the queue gives up, or there is none."""
        is_mail = any(call.letters for calls in errand.tries for call in calls)
        is_counted = self._now_us >= self._counted_us and is_mail
        contacts = said = 0
        waits = iter(errand.retry_s)
        while True:
            for question in errand.questions:
                self._ask(device, question)
                yield _ASK_S
            if not errand.tries:
                return
            calls = errand.tries[min(contacts, len(errand.tries) - 1)]
            reached = self._flows
            for call in calls:
                said = yield from self._call(device, call, said)
                if said >= _count(call):
                    break
            contacts += self._flows > reached
            wait_s = next(waits, None)
            if said >= _count(call) or wait_s is None:
                break
            yield wait_s
        if is_counted and not self._home.residents[device].is_sender:
            done_us = self._now_us if said >= _count(call) else None
            self._devices[device].endings[number] = Ending(done_us, bool(errand.retry_s))

    def _call(self, device: int, call: Call, said: int) -> Saying:
        """Make one connection; return how many of its letters are settled by now, `said` of them before."""
        flow = Flow(self._flows, device, call, self._now_us)
        self._note_call(flow)
        answer = self._method.opens(self._now_us, flow)
        if answer < PASS or answer > _HELD_S:
            yield call.rtt_s if answer < PASS else _HELD_S
            self._method.closed(self._now_us, flow)
            return said
        self._flows += 1
        if answer:
            yield answer
        said = yield from self._connected(flow, said)
        self._method.closed(self._now_us, flow)
        return said

    def _connected(self, flow: Flow, said: int) -> Saying:
        call = flow.call
        yield _SILENT_S if call.outcome == SILENT else call.rtt_s
        self._method.answered(self._now_us, flow)
        if call.outcome != OPEN:
            return said
        yield 2 * call.rtt_s
        self._method.greeted(self._now_us, flow)
        if call.banner.code >= _FOR_GOOD or call.login is False:
            return _count(call)
        if call.banner.code >= _REFUSED:
            return said
        if not call.letters:
            return _count(call)
        for letter in call.letters[said:]:
            is_settled = yield from self._letter(flow, letter)
            if not is_settled:
                break
            said += 1
        return said

    def _letter(self, flow: Flow, letter: Letter) -> Saying:
        """Say one letter; 1 if it need not be said again: taken, or refused for good."""
        if self._method.cuts(flow):
            return 0
        yield flow.call.letter_s / 2
        if self._method.cuts(flow):
            return 0
        self._method.wrote(self._now_us, flow, letter)
        codes = [reply.code for _, reply in letter.recipients]
        if min(codes) >= _REFUSED:
            return min(codes) >= _FOR_GOOD
        if self._method.cuts(flow):
            return 0
        yield flow.call.letter_s / 2
        if letter.is_accepted:
            self._note_accepted(flow, letter)
        self._method.delivered(self._now_us, flow, letter)
        return letter.is_accepted or letter.reply.code >= _FOR_GOOD

    # --- what is noted -------------------------------------------------------------------------------

    def _is_noted(self, flow: Flow, is_spam: bool) -> bool:
        """Does it count: port 25, past the home's history, and of a sender only its spam, not its owner's mail."""
        if flow.call.port != 25 or self._now_us < self._counted_us:
            return False
        return is_spam or not self._home.residents[flow.device].is_sender

    def _note_call(self, flow: Flow) -> None:
        if not self._is_noted(flow, any(letter.is_spam for letter in flow.call.letters)):
            return
        record = self._devices[flow.device]
        record.calls += 1
        if record.first_call_us is None:
            record.first_call_us = self._now_us
        if flow.device not in self._method.acted_us:
            record.calls_before += 1

    def _note_accepted(self, flow: Flow, letter: Letter) -> None:
        flow.accepted += 1
        if not self._is_noted(flow, letter.is_spam):
            return
        record = self._devices[flow.device]
        record.accepted_us.append(self._now_us)
        if flow.device not in self._method.acted_us:
            record.accepted_before += 1


def _count(call: Call) -> int:
    """Return how many things there are to settle on a connection; one that has no letters is settled by being made."""
    return len(call.letters) or 1
