#!/usr/bin/env bash
# Make .venv with the pinned versions.  Works on a machine that has only git, make and python3:
# Debian and Ubuntu keep `venv` in a package of its own, which is fetched where that is allowed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
VENV=.venv

stop() {
    echo "setup: $*" >&2
    exit 2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

install_venv() {
    # The package follows the interpreter in use: python3.12 -> python3.12-venv.
    local package
    package=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    local advice="python3 lacks venv; install it (Debian, Ubuntu: apt-get install $package), then run make again"
    command -v apt-get >/dev/null || stop "$advice"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || stop "$advice"
    echo "setup: installing $package"
    as_root apt-get -qq update || stop "$advice"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" \
        >/dev/null || stop "$advice"
}

command -v "$PYTHON" >/dev/null || stop "no $PYTHON on this machine; install Python 3.11 or newer"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$PYTHON is $("$PYTHON" -V 2>&1); Python 3.11 or newer is needed (PYTHON=/path/to/it make setup)"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || install_venv

echo "setup: making $VENV with the versions of ci/requirements.txt"
"$PYTHON" -m venv --clear "$VENV"
pip() {
    "$VENV/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}
pip install --requirement ci/requirements.txt || stop "pip could not install ci/requirements.txt (see above)"
pip install --no-deps --no-build-isolation --editable host_tools || stop "pip could not install host_tools (see above)"
pip check || stop "the versions in ci/requirements.txt do not fit together (see above)"
touch "$VENV/.complete"
