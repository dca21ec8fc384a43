/* Stand-in for ESP-IDF's esp_wifi_types.h: see README.md beside it. */
#ifndef SHIM_ESP_WIFI_TYPES_H
#define SHIM_ESP_WIFI_TYPES_H

#include "esp_event.h"

extern esp_event_base_t const WIFI_EVENT;

typedef enum { WIFI_EVENT_AP_START = 12, WIFI_EVENT_AP_STOP = 13 } wifi_event_t;

#endif
