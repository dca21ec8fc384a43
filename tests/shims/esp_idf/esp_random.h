/* Stand-in for ESP-IDF's esp_random.h: see README.md beside it. */
#ifndef SHIM_ESP_RANDOM_H
#define SHIM_ESP_RANDOM_H

#include <stdint.h>

uint32_t esp_random(void);

#endif
