# What every board with the data path lwip shares; mpconfigboard.cmake includes it behind SDKCONFIG_DEFAULTS and
# SPAMGATE_PARTITIONS.
list(APPEND SDKCONFIG_DEFAULTS
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.lwip
    ${MICROPY_BOARD_DIR}/sdkconfig.board
)

include(${CMAKE_CURRENT_LIST_DIR}/partitions.cmake)

# The module that judges; it may be named on the command line, too.
list(APPEND USER_C_MODULES ${MICROPY_BOARD_DIR}/../../firmware/mailgate/micropython.cmake)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
