/* An interface of Linux as an interface of lwIP: raw frames, the kernel needs no address on it.
 *
 * A checksum that a sender left to its network card arrives unfinished over a veth or a bridge, and several segments in
 * one frame: lwIP can use neither.  Senders on the same machine need `ethtool -K … tx off` (and gro off where frames
 * come from a real card).
 */
#define _GNU_SOURCE
#include "packet_netif.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/pbuf.h"
#include "netif/ethernet.h"

#define BATCH 32
#define MTU 1500
#define FRAME_BYTES 1600
#define KERNEL_QUEUE_BYTES (4 << 20)

static err_t link_output(struct netif *netif, struct pbuf *frame) {
    static uint8_t flat[FRAME_BYTES];
    packet_netif *port = netif->state;
    const void *bytes = frame->payload;
    if (frame->next) {
        if (frame->tot_len > sizeof(flat)) {
            return ERR_BUF;
        }
        pbuf_copy_partial(frame, flat, frame->tot_len, 0);
        bytes = flat;
    }
    if (send(port->socket, bytes, frame->tot_len, MSG_DONTWAIT) < 0) {
        return ERR_IF;
    }
    port->sent++;
    return ERR_OK;
}

static err_t set_up(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = link_output;
    netif->mtu = MTU;
    netif->mtu6 = MTU;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 |
                   NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static int bind_to(packet_netif *port, const char *name) {
    struct ifreq asked = {0};
    if (strlen(name) >= sizeof(asked.ifr_name)) {
        return ENODEV;
    }
    strcpy(asked.ifr_name, name);
    if (ioctl(port->socket, SIOCGIFHWADDR, &asked) < 0) {
        return errno;
    }
    memcpy(port->netif.hwaddr, asked.ifr_hwaddr.sa_data, ETH_HWADDR_LEN);
    if (ioctl(port->socket, SIOCGIFINDEX, &asked) < 0) {
        return errno;
    }
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = asked.ifr_ifindex};
    struct packet_mreq groups = {.mr_ifindex = asked.ifr_ifindex, .mr_type = PACKET_MR_ALLMULTI};
    if (setsockopt(port->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &groups, sizeof(groups)) < 0) {
        return errno;
    }
    return bind(port->socket, (struct sockaddr *)&here, sizeof(here)) < 0 ? errno : 0;
}

static int open_socket(packet_netif *port, const char *name) {
    int yes = 1, room = KERNEL_QUEUE_BYTES;
    port->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* deaf until it is bound */
    if (port->socket < 0) {
        return errno;
    }
    setsockopt(port->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    setsockopt(port->socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    if (setsockopt(port->socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0) {
        return errno;
    }
    return bind_to(port, name);
}

static void add_addresses6(struct netif *netif, const port_link *link) {
    netif_create_ip6_linklocal_address(netif, 1);
    netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
    for (int i = 0; i < link->count6; i++) {
        netif_ip6_addr_set(netif, (s8_t)(i + 1), &link->address6[i]);
        netif_ip6_addr_set_state(netif, (s8_t)(i + 1), IP6_ADDR_PREFERRED);
    }
}

int packet_open(packet_netif *port, const port_link *link, const ip4_addr_t *gateway) {
    memset(port, 0, sizeof(*port));
    int error = open_socket(port, link->name);
    if (error) {
        if (port->socket >= 0) {
            close(port->socket);
        }
        return error;
    }
    netif_add(&port->netif, &link->address4, &link->mask4, gateway, port, set_up, ethernet_input);
    netif_set_up(&port->netif);
    add_addresses6(&port->netif, link);
    return 0;
}

void packet_close(packet_netif *port) {
    netif_remove(&port->netif);
    close(port->socket);
}

static unsigned take_buffers(struct pbuf **frames, struct mmsghdr *heads, struct iovec *room) {
    unsigned count = 0;
    while (count < BATCH && (frames[count] = pbuf_alloc(PBUF_RAW, FRAME_BYTES, PBUF_POOL))) {
        room[count] = (struct iovec){frames[count]->payload, frames[count]->len};
        heads[count] = (struct mmsghdr){.msg_hdr = {.msg_iov = &room[count], .msg_iovlen = 1}};
        count++;
    }
    return count;
}

void packet_receive(packet_netif *port) {
    struct pbuf *frames[BATCH];
    struct mmsghdr heads[BATCH];
    struct iovec room[BATCH];
    unsigned count = take_buffers(frames, heads, room);
    int came = recvmmsg(port->socket, heads, count, MSG_DONTWAIT, NULL);
    for (unsigned i = 0; i < count; i++) {
        int is_whole = (int)i < came && !(heads[i].msg_hdr.msg_flags & MSG_TRUNC);
        if (is_whole) {
            pbuf_realloc(frames[i], (u16_t)heads[i].msg_len);
            port->received++;
        }
        if (!is_whole || port->netif.input(frames[i], &port->netif) != ERR_OK) {
            pbuf_free(frames[i]);
        }
    }
}
