"""The reader of boards, for many questions on a machine with memory: each block is taken apart once and kept."""

from spamgate.wire.list_codes import CUT
from spamgate.wire.list_file import ListFile
from spamgate.wire.list_hash import HIGH, LOW
from spamgate_tools.blocklist.open_list import block_of, rests_in, source_of

_HALF_BITS = 20


class PatientReader(ListFile):
    """Answers as a ListFile."""

    def __init__(self, body: bytes) -> None:
        super().__init__(source_of(body))
        self._body = body
        self._known: dict[int, frozenset[int] | None] = {}  # rests by block; None: it has exceptions
        self._below_mask = (1 << (_HALF_BITS - self.index_bits)) - 1

    def _is_in(self, number: int) -> bool:
        if number not in self._known:
            codes, records = block_of(self._body, self, number)
            self._known[number] = None if records else frozenset(rests_in(codes, self.code_bits))
        rests = self._known[number]
        if rests is None:
            return super()._is_in(number)
        state = self._state
        return ((state[HIGH] & self._below_mask) << _HALF_BITS | state[LOW]) >> state[CUT] in rests
