"""Have the firmware itself judge a board's settings before a board gets them: it has their only table."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.compiled import SOURCE
from spamgate_tools.errors import UserError

_JUDGE = """
import json, sys
from spamgate.core.errors import SpamgateError
if sys.argv[1] == "lwip":
    from spamgate.store.lwip_settings import read_lwip_settings as read
else:
    from spamgate.store.board_settings import read_board_settings as read
text = sys.stdin.read()
try:
    read(text)
except SpamgateError as error:
    complaint = str(error)
    for key, value in json.loads(text).items():
        if key.endswith("_password") and value:
            complaint = complaint.replace(json.dumps(value), "this")
    print(complaint)
"""


def check_settings(board: Board, settings: Mapping[str, object], where: str) -> None:
    """Return if such a board would take these settings; UserError says what is wrong, `where` whose they are."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    command = [sys.executable, "-c", _JUDGE, board.facts["plane"]]
    text = json.dumps(settings)
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=True)
    if done.stdout:
        raise UserError(f"{where}: {done.stdout.strip()}", "correct it there, then run it again")
