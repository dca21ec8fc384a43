#!/usr/bin/env bash
# Run every level of test.  The end-to-end tests of routers mostly wait, so they run beside all others, on a second core;
# what they have said is shown at the end.  Fails if either does.
set -muo pipefail # -m: what runs beside must not ignore Ctrl-C, which tests send
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTEST=".venv/bin/python -m pytest"
LOG=build/e2e.log
BOARDS=$(echo tests/e2e/test_{small_guard,esp32,plane,link,console}*.py)

mkdir -p build
$PYTEST tests/e2e ${BOARDS//tests/--ignore=tests} -o cache_dir=build/pytest_cache_e2e </dev/null >$LOG 2>&1 &
beside=$!
trap 'kill $beside 2>/dev/null; wait $beside 2>/dev/null' EXIT INT TERM
status=0
$PYTEST $(ls -d tests/*/ | grep -v -e e2e -e __pycache__ -e fakes -e shims -e programs) $BOARDS || status=$?
echo
echo "tests/e2e of routers, which ran beside those:"
wait $beside || status=$?
trap - EXIT INT TERM
cat $LOG
exit $status
