#!/usr/bin/env bash
# Build a board's own firmware, MicroPython with the mail gate and Spamgate in it, in Espressif's public container:
#   ci/esp32_image.sh SPAMGATE_ESP32    (or SPAMGATE_ESP32_S3, SPAMGATE_ESP32_POE)
# Leaves BOARD-vVERSION.bin, which `spamgate flash --board BOARD` finds, and its parts in build/images/BOARD.
# Needs docker or podman, 10 GB and the internet; or runs as it is where ESP-IDF is (in the container, in CI).
# Ends with 2 and the reason where it cannot build.  Never run with a real container yet: boards/NOT_BUILT.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MICROPYTHON=1.25.0 # the release over which the gate is tested on the host (ci/micropython.sh), and
IDF=v5.4           # the newest ESP-IDF that it says it supports
URL=https://github.com/micropython/micropython/releases/download/v$MICROPYTHON/micropython-$MICROPYTHON.tar.xz
SHA256=9fe99ad5808e66bb40d374f5cad187c32c7d1c49cf47f72b38fd453c28c2aebe # as Homebrew's formula has it
CONTAINER=${SPAMGATE_IDF_CONTAINER:-docker.io/espressif/idf:$IDF}
SOURCE=build/esp32-source

stop() {
    echo "esp32_image: $*" >&2
    exit 2
}

board=${1:-}
known=$(cd boards && echo SPAMGATE_ESP32*)
case " $known " in
*" ${board:-none} "*) ;;
*)
    echo "usage: ci/esp32_image.sh BOARD, one of: $known" >&2
    exit 2
    ;;
esac
out=build/images/$board
made=build/esp32-$board # MicroPython's build folder

has_idf() { [ -n "${IDF_PATH:-}" ] && [ -e "${IDF_PATH:-}/export.sh" ]; }

# Prints the command that runs containers here, one that has something to run them with.
runtime() {
    local name
    for name in ${SPAMGATE_CONTAINER_RUNTIME:-docker podman}; do
        if command -v "$name" >/dev/null && "$name" info >/dev/null 2>&1; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

in_container() {
    local run
    run=$(runtime) || stop "neither docker nor podman runs containers here; install one of them and start it, or run" \
        "this where ESP-IDF $IDF is (IDF_PATH)"
    echo "esp32_image: building in $CONTAINER by $run" >&2
    # As the user who asks, so that the files are theirs; HOME is where the component manager keeps what it fetches
    "$run" run --rm --user "$(id -u):$(id -g)" --env HOME=/tmp --volume "$PWD:/spamgate" --workdir /spamgate \
        "$CONTAINER" ci/esp32_image.sh "$board" || stop "the build in the container failed"
}

fetch() {
    local archive=build/micropython-$MICROPYTHON.tar.xz
    if [ ! -e "$archive" ]; then
        curl --fail --location --silent --show-error --output "$archive.part" "$URL" || stop "cannot fetch $URL"
        mv "$archive.part" "$archive"
    fi
    echo "$SHA256  $archive" | sha256sum --check --status || stop "$archive is not what it should be; remove it"
    rm -rf $SOURCE
    mkdir -p $SOURCE
    tar --extract --file "$archive" --directory $SOURCE --strip-components 1
}

# The archive of a release has what its git tree only refers to, so there are no submodules to be fetched.
build() {
    command -v idf.py >/dev/null || . "$IDF_PATH/export.sh" >/dev/null
    export GIT_CEILING_DIRECTORIES=$PWD/build # MicroPython's version is its own, not that of the checkout around it
    make -C $SOURCE/mpy-cross || stop "mpy-cross does not build"
    make -C $SOURCE/ports/esp32 BOARD_DIR="$PWD/boards/$board" BUILD="$PWD/$made" \
        USER_C_MODULES="$PWD/firmware/mailgate/micropython.cmake" || stop "MicroPython does not build"
}

# A gate that lwIP does not ask would let everything pass, and nobody would notice.
check() {
    local hook lwip=$made/esp-idf/lwip/liblwip.a
    for hook in gate_ip4_input gate_ip6_input; do
        grep --quiet --text $hook "$lwip" || stop "lwIP was compiled without the hook $hook (see micropython.cmake)"
    done
}

collect() {
    local version image
    version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' firmware/spamgate/__init__.py)
    image=$board-v$version.bin
    rm -rf "$out"
    mkdir -p "$out"
    cp "$made/firmware.bin" "$out/$image"
    cp "$made/bootloader/bootloader.bin" "$made/partition_table/partition-table.bin" "$made/micropython.bin" "$out/"
    (cd "$out" && sha256sum ./*.bin >SHA256SUMS)
    echo "esp32_image: $out/$image" >&2
}

mkdir -p build
if has_idf; then
    fetch
    build
    check
    collect
else
    in_container
fi
