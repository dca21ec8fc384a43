/* An interface of Linux as an interface of lwIP: raw frames, the kernel needs no address on it. */
#ifndef SPAMGATE_PACKET_NETIF_H
#define SPAMGATE_PACKET_NETIF_H

#include "words.h"
#include "lwip/netif.h"

typedef struct {
    struct netif netif;
    int socket;
    uint32_t received, sent;
} packet_netif;

/* 0 or an errno.  Only under lwIP's lock, as all here. */
int packet_open(packet_netif *port, const port_link *link, const ip4_addr_t *gateway);
void packet_close(packet_netif *port);

/* Hand lwIP what has come, a batch at the most. */
void packet_receive(packet_netif *port);

#endif
