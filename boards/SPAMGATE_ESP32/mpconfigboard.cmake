# Spamgate's own firmware: ci/esp32_image.sh SPAMGATE_ESP32 builds it (../NOT_BUILT.md).
set(IDF_TARGET esp32)

set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
)

set(SPAMGATE_PARTITIONS partitions-4MiB-ab.csv)
include(${MICROPY_BOARD_DIR}/../common/lwip.cmake)
