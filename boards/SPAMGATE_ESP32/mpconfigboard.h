#ifndef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Spamgate router on ESP32"
#endif

#define MICROPY_HW_MCU_NAME "ESP32"

#include "../common/mpconfig_lwip.h"
#define MICROPY_PY_NETWORK_LAN (0)
