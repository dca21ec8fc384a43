# For a build of your own with Spamgate frozen in: `make BOARD_DIR=.../boards/OLIMEX_ESP32_POE` in MicroPython's ports/esp32.
# Never built here: no compiler for this chip was at hand.
include(boards/mpconfigboard_esp32_common.cmake)

list(APPEND SDKCONFIG_DEFAULTS
    boards/OLIMEX_ESP32_POE/sdkconfig.board
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.4MiB
)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
