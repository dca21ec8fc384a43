# For a build of your own with Spamgate frozen in: `make BOARD_DIR=.../boards/ESP32_GENERIC_C3` in MicroPython's ports/esp32.
# Not yet built: ../NOT_BUILT.md.
include(boards/mpconfigboard_esp32c3_common.cmake)

list(APPEND SDKCONFIG_DEFAULTS
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.4MiB
)

set(SPAMGATE_PARTITIONS partitions-4MiB.csv)
include(${MICROPY_BOARD_DIR}/../common/partitions.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
