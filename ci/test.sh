#!/usr/bin/env bash
# test.sh [FOLDER ...]: run every level of test, or those, several files at a time (tests/side_by_side.py): those that
# wait leave room for others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec .venv/bin/python -m pytest -n $(($(nproc) + 2)) "$@" </dev/null
