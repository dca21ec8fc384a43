# Spamgate's own firmware: ci/esp32_image.sh SPAMGATE_ESP32_S3 builds it (../NOT_BUILT.md).
set(IDF_TARGET esp32s3)

set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.usb
    boards/sdkconfig.spiram_sx
)

set(SPAMGATE_PARTITIONS partitions-8MiB-ab.csv)
include(${MICROPY_BOARD_DIR}/../common/lwip.cmake)
