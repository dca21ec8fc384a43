"""The report is JSON, the page holds everything itself and says plainly what is missed, the command ends as it says."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spamgate_tools.commands.eval import evaluate
from spamgate_tools.corpus.catalogue import CLEAN, Size
from spamgate_tools.errors import UserError
from spamgate_tools.evaluation import page, plots, study
from spamgate_tools.evaluation.campaign import NONE
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.report import OURS, Json
from spamgate_tools.evaluation.study import Study, Wanted

_TINY = Size(clean=((2, 1.0),), seeds=1, sweep_every=1, sensitivity_every=2)
_KEYS = {"type", "format", "date", "size", "half", "seed", "kinds", "homes_run", "homes_swept", "homes_scaled", "run_s"}
_KEYS |= {"homes", "bars", "methods", "wins", "not_beaten", "sensitivity", "captures", "corpus"}
_SILENT = {"meta", "img", "br", "link"}


@pytest.fixture(scope="module")
def report() -> Json:
    """Return the report of a few homes with all that a report can have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(study.SIZES, "quick", _TINY)
        wanted = Wanted(
            seed=3, kinds=(CLEAN, "many-recipients", "adaptive-accountant"), methods=(NONE, OURS, "mx_rule", "spot")
        )
        return Study(wanted).run()


def test_a_report_is_json_with_the_keys_that_are_documented(report):
    again = json.loads(json.dumps(report, allow_nan=False))
    assert set(again) == _KEYS
    assert [method["name"] for method in again["methods"]] == [
        name for name in METHODS if name in (NONE, OURS, "mx_rule", "spot")
    ]
    documented = (Path(__file__).resolve().parents[2] / "host_tools" / "EVALUATION.md").read_text(encoding="utf-8")
    for key in (*_KEYS, *again["methods"][0], *again["bars"][0]):
        assert f"`{key}`" in documented, key


def test_the_curve_of_a_method_goes_through_the_point_it_was_published_at(report):
    for method in report["methods"]:
        here = [point for point in method["curve"] if point["is_published"]]
        assert len(here) == 1
        assert here[0]["contained_share"] == method["senders"]["all of 6 an hour and more"]["contained_share"]


def test_the_page_is_whole_and_loads_nothing(report, tmp_path):
    drawn = plots.draw(report, tmp_path)
    assert set(drawn) == set(plots.FIGURES)
    text = page.write(report, drawn, tmp_path).read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert text.count("data:image/svg+xml;base64,") == len(drawn)
    assert _is_balanced(text)
    for name in drawn:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for method in report["methods"]:
        assert method["title"] in text and method["citation"].split(",")[0] in text
    for parameter in report["corpus"]["parameters"]:
        assert parameter["name"] in text


def test_the_page_says_plainly_what_is_missed(report, tmp_path):
    bar = {"name": "contained", "text": "contained, that is", "value": 0.5, "limit": 0.99, "misses": ["doh (3)"]}
    told = page.write({**report, "bars": [{**bar, "is_met": False}]}, [], tmp_path).read_text(encoding="utf-8")
    assert "1 of 1 bars are missed" in told and "MISSED" in told and "doh (3)" in told
    told = page.write({**report, "bars": [{**bar, "is_met": True}]}, [], tmp_path).read_text(encoding="utf-8")
    assert "All bars are met" in told and "MISSED" not in told


def test_the_page_names_every_figure_in_which_another_method_is_better(report, tmp_path):
    win = {"method": "mx_rule", "where": "mx-120", "measure": "leaked, median", "theirs": 0, "ours": 987654.0}
    text = page.write({**report, "wins": [win]}, [], tmp_path).read_text(encoding="utf-8")
    assert "987,654" in text and "All 1 figures in which another method is better" in text
    for win in report["wins"]:
        assert win["theirs"] is not None and (win["ours"] is None or win["theirs"] < win["ours"])


def test_the_same_seed_gives_the_same_report(report, monkeypatch):
    monkeypatch.setitem(study.SIZES, "quick", Size(((1, 1.0),), 1, 0, 0))
    wanted = Wanted(seed=3, kinds=(CLEAN, "mx-120"), methods=(NONE, "mx_rule"))
    first, second = Study(wanted).run(), Study(wanted).run()
    for found in (first, second):
        del found["date"], found["run_s"]
    assert first == second


def test_the_command_writes_all_and_ends_with_1_where_something_is_missed(tmp_path):
    done = _run("--kind", "adaptive-groomer", "--method", OURS, "--json", "--out", str(tmp_path))
    found = json.loads(done.stdout)
    missed = [bar["name"] for bar in found["bars"] if bar["is_met"] is False]
    assert done.returncode == bool(missed), done.stderr
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == found
    assert (tmp_path / "index.html").stat().st_size > 10000


def test_the_command_ends_with_0_where_nothing_is_asked_of_ours():
    done = _run("--kind", "many-recipients", "--method", "block_25")
    assert done.returncode == 0, done.stderr
    assert "Block port 25" in done.stdout and "100.0%" in done.stdout


def test_what_there_is_none_of_is_refused_with_what_there_is():
    for option, known in (("--method", OURS), ("--kind", CLEAN)):
        with pytest.raises(UserError, match=known):
            evaluate.main([option, "nonesuch"], standalone_mode=False)


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from spamgate_tools.cli import main; main()", "eval", *options]
    surroundings = {name: value for name, value in os.environ.items() if name != "SPAMGATE_DATA"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=surroundings)


def _is_balanced(text: str) -> bool:
    """Is every element closed, in order?"""
    stack: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in _SILENT:
                stack.append(tag)

        def handle_endtag(self, tag):
            assert stack and stack[-1] == tag, (tag, stack[-3:])
            stack.pop()

    Reader().feed(text)
    return not stack
