/* The hooks of lwIP on Linux: the gate's own, and the next hop of IPv6. */
#ifndef SPAMGATE_PORT_HOOKS_H
#define SPAMGATE_PORT_HOOKS_H

#include "gate_hooks.h"
#include "lwip/ip6_addr.h"

/* The router behind `netif`, or NULL: lwIP learns one from advertisements only, and a WAN may send none. */
const ip6_addr_t *gate_port_gateway6(struct netif *netif);
#define LWIP_HOOK_ND6_GET_GW(netif, dest) gate_port_gateway6(netif)

#endif
