/* Stand-in for ESP-IDF's esp_netif.h: see README.md beside it. */
#ifndef SHIM_ESP_NETIF_H
#define SHIM_ESP_NETIF_H

#include <stdbool.h>

#include "esp_err.h"

typedef struct esp_netif_obj esp_netif_t;
typedef esp_err_t (*esp_netif_callback_fn)(void *context);

esp_netif_t *esp_netif_get_handle_from_ifkey(const char *if_key);
bool esp_netif_is_netif_up(esp_netif_t *esp_netif);
esp_err_t esp_netif_tcpip_exec(esp_netif_callback_fn function, void *context);
esp_err_t esp_netif_napt_enable(esp_netif_t *esp_netif);
esp_err_t esp_netif_napt_disable(esp_netif_t *esp_netif);

#endif
