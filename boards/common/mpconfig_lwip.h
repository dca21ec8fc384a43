// What a board with the data path lwip leaves out, so that the application fits its partition twice; each board's
// mpconfigboard.h includes this.
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_PY_MACHINE_I2S (0)
#define MICROPY_HW_ENABLE_SDCARD (0)
