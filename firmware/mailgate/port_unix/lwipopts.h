/* lwIP on Linux: a router of both families for a home of 64 devices.  What ESP-IDF has a default for is as there. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1 /* one thread, and one lock that MicroPython's thread takes as well */
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_HOOK_FILENAME "port_hooks.h"

/* MicroPython's sockets (extmod/modlwip.c), which includes this file before it looks for the three. */
#define MICROPY_PY_LWIP_ENTER gate_port_lock();
#define MICROPY_PY_LWIP_REENTER gate_port_lock();
#define MICROPY_PY_LWIP_EXIT gate_port_unlock();
void gate_port_lock(void);
void gate_port_unlock(void);

#define IP_FORWARD 1
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define MEMP_NUM_ARP_QUEUE 64
#define LWIP_IGMP 1
#define LWIP_RAW 1

#define LWIP_IPV6 1
#define LWIP_IPV6_FORWARD 1
#define LWIP_IPV6_NUM_ADDRESSES 5 /* the link's own and those of the settings */
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define IPV6_FRAG_COPYHEADER 1 /* where a pointer has 8 bytes, it must be */
#define LWIP_IPV6_MLD 1
#define MEMP_NUM_MLD6_GROUP 40
#define LWIP_ND6_NUM_NEIGHBORS 64
#define LWIP_ND6_NUM_DESTINATIONS 64
#define MEMP_NUM_ND6_QUEUE 64

#define LWIP_DNS 1
#define SO_REUSE 1
#define TCP_LISTEN_BACKLOG 1
#define TCP_MSS 1440
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_SND_QUEUELEN ((4 * (TCP_SND_BUF) + (TCP_MSS - 1)) / (TCP_MSS))
#define MEMP_NUM_TCP_PCB 16
#define MEMP_NUM_TCP_PCB_LISTEN 16
#define MEMP_NUM_TCP_SEG 256
#define MEMP_NUM_UDP_PCB 16

#define MEM_ALIGNMENT 8
#define MEM_SIZE (256 * 1024)
#define MEMP_NUM_PBUF 128
#define PBUF_POOL_SIZE 512
#define PBUF_POOL_BUFSIZE 1600
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 4) /* the gate's own */

#define LWIP_STATS 1
#define LWIP_STATS_LARGE 1
#define LWIP_STATS_DISPLAY 0

#endif
