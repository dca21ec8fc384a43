#ifndef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Spamgate router on ESP32S3"
#endif

#define MICROPY_HW_MCU_NAME "ESP32S3"

#include "../common/mpconfig_lwip.h"

// The REPL and the link over a USB-UART chip, too, not only over the chip's own USB.
#define MICROPY_HW_ENABLE_UART_REPL (1)
