/* Stand-in for ESP-IDF's esp_netif_net_stack.h: see README.md beside it. */
#ifndef SHIM_ESP_NETIF_NET_STACK_H
#define SHIM_ESP_NETIF_NET_STACK_H

#include "esp_netif.h"

void *esp_netif_get_netif_impl(esp_netif_t *esp_netif);

#endif
