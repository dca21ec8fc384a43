#!/usr/bin/env bash
# Get what the tests use beside .venv: programs from Debian or Ubuntu, compilers for those in C, and two mail servers that
# the system does not install beside Postfix, unpacked in build/packages.  Nothing to do takes a tenth of a second; what
# cannot be had is said, and its tests then say "not run".  Nothing is removed, and no service is started, now or at boot.
# `ci/test_setup.sh lab` gets only what `make run` uses; `spamgate lab` itself says what it cannot do without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PROGRAMS="nftables iproute2 conntrack procps util-linux openssl tcpdump
    unbound dnsmasq-base bind9 bind9-dnsutils knot-dnsutils dnsperf
    postfix swaks libio-socket-inet6-perl iperf3
    gcc libc6-dev binutils clang libclang-rt-dev valgrind
    gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf gcc-xtensa-lx106"
UNPACKED="exim4-daemon-light opensmtpd"
FOLDER=build/packages
if [ "${1:-}" = lab ]; then
    PROGRAMS="nftables iproute2 util-linux openssl unbound dnsmasq-base postfix"
    UNPACKED=
fi
LOG=build/packages.log
POLICY=/usr/sbin/policy-rc.d

say() {
    echo "test_setup: $*" >&2
}

missing() {
    { dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' $PROGRAMS 2>/dev/null || true; } |
        awk -v wanted="$(echo $PROGRAMS)" '
            $2 == "installed" { has[$1] = 1 }
            END { split(wanted, names); for (n in names) if (!has[names[n]]) print names[n] }'
}

# What apt would install for the given packages and is not there yet; fails if it would remove something.
additions() {
    local plan
    plan=$(apt-get --simulate install --no-install-recommends "$@" 2>/dev/null) || return 1
    ! grep -q '^Remv' <<<"$plan" || return 1
    awk '/^Inst/ && $3 !~ /^\[/ { print $2 }' <<<"$plan"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >>$LOG 2>&1
}

install_one_by_one() {
    local package
    for package in "$@"; do
        additions "$package" >/dev/null || { say "cannot install $package here without removing something"; continue; }
        apt_install "$package" || say "cannot install $package (see $LOG)"
    done
}

install() {
    say "installing" "$@"
    # Postfix gets its settings from the tests
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    if [ ! -e $POLICY ]; then
        trap 'rm -f $POLICY' EXIT
        printf '#!/bin/sh\nexit 101\n' >$POLICY
        chmod +x $POLICY
    fi
    additions "$@" >/dev/null && apt_install "$@" || install_one_by_one "$@"
    keep_from_boot "$@"
}

# A resolver or mail server that came for us must not serve the machine (Postfix does not start without settings).
keep_from_boot() {
    case " $* " in
    *" unbound "*) systemctl disable unbound.service >>$LOG 2>&1 || true ;;
    esac
    case " $* " in
    *" bind9 "*) systemctl disable named.service >>$LOG 2>&1 || true ;;
    esac
}

# Unpack a package and those libraries of it that the system lacks.
unpack() {
    local package=$1 scratch libraries file
    scratch=$(mktemp -d)
    chmod 755 "$scratch"
    (cd "$scratch" && apt-get -qq download "$package") >/dev/null 2>&1 || { say "cannot download $package"; return; }
    libraries=$(dpkg-deb --field "$scratch/$package"_*.deb Depends | tr ',' '\n' | awk '$1 ~ /^lib/ { print $1 }')
    libraries=$(additions $libraries) || { say "cannot find the libraries of $package"; return; }
    [ -z "$libraries" ] || (cd "$scratch" && apt-get -qq download $libraries) >/dev/null 2>&1
    mkdir "$scratch/tree"
    for file in "$scratch"/*.deb; do
        dpkg-deb --extract "$file" "$scratch/tree"
    done
    [ ! -d "$scratch/tree/lib" ] || cp -a "$scratch/tree/lib/." "$scratch/tree/usr/lib/"
    mkdir -p $FOLDER
    rm -rf "${FOLDER:?}/$package"
    mv "$scratch/tree" "$FOLDER/$package"
    chmod 755 "$FOLDER/$package"
    rm -rf "$scratch"
}

not_unpacked() {
    local package
    for package in $UNPACKED; do
        [ -d "$FOLDER/$package" ] || echo "$package"
    done
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "neither Debian nor Ubuntu: not looking for" $PROGRAMS
    exit 0
fi
wanted=$(missing)
to_unpack=$(not_unpacked)
[ -n "$wanted$to_unpack" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    say "not root, so not installed:" $wanted $to_unpack
    exit 0
fi
mkdir -p build
apt-get -qq update >>$LOG 2>&1 || say "apt-get update failed; trying with what is known"
[ -z "$wanted" ] || install $wanted
for package in $to_unpack; do
    unpack "$package"
done
still=$(missing)
[ -z "$still" ] || say "still missing:" $still
