/* Stand-in for ESP-IDF's esp_err.h: see README.md beside it. */
#ifndef SHIM_ESP_ERR_H
#define SHIM_ESP_ERR_H

#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_NOT_SUPPORTED 0x106

#endif
