"""Coverage-guided fuzzing of the whole hook: the corpus as it is, a short run, and the books of the long ones."""

import os

from fuzz_program import CORPUS, fuzz, fuzzer, scratch_corpus
from mailgate_campaign import GOAL, entries, total

_SECONDS = 600 if os.environ.get("SPAMGATE_FUZZ") == "full" else 15
_SEED = int(os.environ.get("SPAMGATE_SEED", "1")) % (1 << 31) or 1
_EDGES = 480  # of about 505: fewer, and the corpus has lost what it was kept for


def test_the_corpus_breaks_nothing_and_reaches_nearly_all():
    outcome = fuzz(fuzzer(), "-runs=0", folders=(CORPUS,))
    assert outcome.executions >= len(list(CORPUS.iterdir()))
    assert outcome.edges >= _EDGES


def test_a_run_breaks_nothing(tmp_path):
    corpus = scratch_corpus(tmp_path / "corpus")
    outcome = fuzz(fuzzer(), f"-max_total_time={_SECONDS}", f"-seed={_SEED}", "-max_len=1700", folders=(corpus,))
    assert outcome.executions > 1000 * _SECONDS


def test_the_corpus_is_small():
    files = [path.stat().st_size for path in CORPUS.iterdir()]
    assert 50 < len(files) <= 300
    assert sum(files) < 1_000_000


def test_the_books_reach_the_goal_and_the_last_code_has_no_finding():
    book = entries()
    assert total(book) >= GOAL
    assert book[-1]["findings"] == 0
