# For a build of your own with Spamgate frozen in: `make BOARD_DIR=.../boards/OLIMEX_ESP32_POE` in MicroPython's ports/esp32.
# Not yet built: ../NOT_BUILT.md.
include(boards/mpconfigboard_esp32_common.cmake)

list(APPEND SDKCONFIG_DEFAULTS
    boards/OLIMEX_ESP32_POE/sdkconfig.board
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.4MiB
)

set(SPAMGATE_PARTITIONS partitions-4MiB.csv)
include(${MICROPY_BOARD_DIR}/../common/partitions.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
