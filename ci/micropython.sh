#!/usr/bin/env bash
# Build MicroPython where no wheel has it, from Debian's source package, into build/micropython-TARGET:
#   ci/micropython.sh unix32    32-bit unix port: objects and integers as small as on a board
#   ci/micropython.sh qemu      firmware.elf of boards/QEMU_MPS2, for qemu-system-arm
#   ci/micropython.sh mailgate  unix port with firmware/mailgate over lwIP; lwIP's source stays in build/lwip-source
# What is there and still matches this script and the board's folder is kept.  Ends with 2 and the reason where it
# cannot be built; tests that use it are then not run.  Packages it needs are installed where that is allowed (as
# ci/test_setup.sh does).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SUITE=trixie
VERSION=1.25.0
SHA256=7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea
LWIP_VERSION=2.2.1 # Debian's patch for it concerns SNMP, which is not built
LWIP_SHA256=83729c274c499d3348e9fbbe043a3113f3fa8953e7efddc7c21c7fcbb1f2b7b1
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
BOARD=boards/QEMU_MPS2/micropython
GATE=firmware/mailgate
SOURCE=build/micropython-source
LWIP_SOURCE=build/lwip-source
LOG=build/micropython.log

target=${1:-}
case "$target" in
unix32 | mailgate) packages="gcc libc6-dev gcc-multilib" product=micropython ;;
qemu) packages="gcc libc6-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm" product=firmware.elf ;;
*)
    echo "usage: ci/micropython.sh unix32|qemu|mailgate" >&2
    exit 2
    ;;
esac
out=build/micropython-$target

stop() {
    echo "micropython: $*" >&2
    exit 2
}

stamp() {
    {
        echo "$target"
        grep -v '^ *#' ci/micropython.sh
        [ "$target" != qemu ] || cat $BOARD/*
        [ "$target" != mailgate ] || cat $GATE/*.[ch] $GATE/micropython.mk $GATE/port_unix/*
    } | sha256sum
}

install_packages() {
    local missing
    missing=$({ dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' $packages make patch xz-utils \
        2>/dev/null || true; } | awk -v wanted="$packages make patch xz-utils" '
            $2 == "installed" { has[$1] = 1 }
            END { split(wanted, names, " "); for (n in names) if (!has[names[n]]) print names[n] }')
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || stop "these packages are needed:" $missing
    echo "micropython: installing" $missing >&2
    apt-get -qq update >>$LOG 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >>$LOG 2>&1 ||
        stop "cannot install" $missing "(see $LOG)"
}

# A source package comes through an apt state of its own: the system's lists of packages stay as they are.
download() {
    local name=$1 archive=$2 state=$PWD/build/micropython-apt apt
    [ -e $KEYRING ] || stop "no $KEYRING on this machine (package debian-archive-keyring)"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    cat >"$state/debian.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $SUITE
Components: main
Signed-By: $KEYRING
END
    apt="apt-get -qq -o Dir::Etc::SourceList=$state/debian.sources -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=$state/lists -o Dir::Cache=$state/cache -o APT::Sandbox::User=root"
    $apt update >>$LOG 2>&1 || stop "no list of Debian's source packages (see $LOG)"
    (cd build && $apt source --download-only --only-source "$name/$SUITE") >>$LOG 2>&1 ||
        stop "no source package $name/$SUITE (see $LOG)"
    rm -rf "$state" build/"$name"_*.dsc build/"$name"_*.debian.tar.xz
    [ -e "$archive" ] || stop "Debian's $name is no longer the version of $archive"
}

# fetch NAME VERSION SHA256 FOLDER: unpack the source package's original archive
fetch() {
    local archive=build/$1_$2.orig.tar.xz
    [ -e "$archive" ] || download "$1" "$archive"
    echo "$3  $archive" | sha256sum --check --status || stop "$archive is not what it was; remove it"
    rm -rf "$4"
    mkdir -p "$4"
    tar --extract --file "$archive" --directory "$4" --strip-components 1
}

change() { # FOLDER PATCH
    patch --quiet --strip 1 --directory "$1" <"$2" >>$LOG 2>&1 || stop "$2 does not apply"
}

build() {
    # MicroPython's version is its own, not that of the git checkout around it
    GIT_CEILING_DIRECTORIES=$PWD/build make "$@" -j2 >>$LOG 2>&1 || stop "MicroPython $VERSION does not build (see $LOG)"
}

build_unix() {
    # micropython-lib, mbedtls and axtls are not in Debian's package, hence no ssl, cryptolib and frozen mip
    build -C $SOURCE/ports/unix FROZEN_MANIFEST= MICROPY_PY_FFI=0 MICROPY_PY_BTREE=0 MICROPY_PY_SSL=0 \
        MICROPY_SSL_MBEDTLS=0 "$@"
    cp --remove-destination $SOURCE/ports/unix/build-standard/micropython "$out/" # somebody may be running it
}

build_unix32() {
    build_unix MICROPY_FORCE_32BIT=1
}

build_mailgate() {
    fetch lwip $LWIP_VERSION+dfsg1 $LWIP_SHA256 $LWIP_SOURCE
    change $LWIP_SOURCE $GATE/port_unix/lwip.patch
    change $SOURCE $GATE/port_unix/modlwip.patch
    mkdir $SOURCE/modules
    cp -r $GATE $SOURCE/modules/mailgate
    ln -s "$PWD/$LWIP_SOURCE" $SOURCE/modules/lwip
    build_unix USER_C_MODULES="$PWD/$SOURCE/modules" MICROPY_PY_SOCKET=0 MICROPY_FORCE_32BIT=1
}

build_qemu() {
    change $SOURCE $BOARD/port.patch
    cp -r $BOARD $SOURCE/ports/qemu/boards/QEMU_MPS2
    touch $SOURCE/lib/micropython-lib/README.md # looked for, though nothing of it is frozen
    build -C $SOURCE/mpy-cross
    build -C $SOURCE/ports/qemu BOARD=QEMU_MPS2
    cp $SOURCE/ports/qemu/build-QEMU_MPS2/firmware.elf "$out/"
}

mkdir -p build
exec 9>build/micropython.lock
flock 9
wanted=$(stamp) # before anything is read for the build: a source may change meanwhile
if [ -e "$out/$product" ] && [ "$wanted" = "$(cat "$out/stamp" 2>/dev/null)" ]; then
    exit 0
fi
command -v apt-get >/dev/null || stop "neither Debian nor Ubuntu: MicroPython's source package cannot be had"
install_packages
fetch micropython $VERSION+ds $SHA256 $SOURCE
echo "micropython: building $out/$product" >&2
mkdir -p "$out"
"build_$target"
echo "$wanted" >"$out/stamp"
rm -rf $SOURCE
