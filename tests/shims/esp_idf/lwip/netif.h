/* Stand-in for ESP-IDF's lwip/netif.h: see README.md beside it. */
#ifndef SHIM_LWIP_NETIF_H
#define SHIM_LWIP_NETIF_H

#include <stdint.h>

struct netif {
    uint8_t num;
};

#endif
