/* lwIP's side of the gate: what comes from the LAN is judged before lwIP looks at it, what goes there is seen.
 *
 * Nothing is allocated and nothing waits.  The hooks come before lwIP's own checks, so lengths are checked here.
 * A datagram in several pbufs is judged by a copy of its first 120 bytes.  Frames with a VLAN tag do not get here.
 */
#include <string.h>

#include "lwip/opt.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"

#include "gate_flow.h"
#include "gate_hooks.h"
#include "gate_lwip.h"
#include "gate_shared.h"

#if ETHARP_SUPPORT_VLAN
#error "with a VLAN tag the source MAC is not where gate_lwip.c looks for it"
#endif

#define TCP 6
#define UDP 17
#define PSH 0x08
#define ENDS 0x07 /* FIN, SYN, RST */
#define ICMP6 58
#define HEADS (GATE_HEADS_BYTES - GATE_ETHERNET)
#define TICK_MS 1000

gate the_gate;
gate_texts the_texts;
static struct { struct netif *netif; netif_linkoutput_fn linkoutput; } lans[GATE_LANS];
static uint8_t is_ticking;
static gate_reply reply;

static err_t to_lan(struct netif *netif, struct pbuf *p);

static int is_lan(const struct netif *netif) { return netif->linkoutput == to_lan; }

/* GCC puts it into both of its callers, and saves nothing by it. */
static __attribute__((noinline)) netif_linkoutput_fn linkoutput_of(const struct netif *netif) {
    int i;
    for (i = 0; i < GATE_LANS; i++)
        if (lans[i].netif == netif) return lans[i].linkoutput;
    return 0;
}

/* Whose ports the core wants to see, before it is asked: most packets are none of its business. */
static int is_of_interest(uint32_t port) {
    return port > 67 ? port == 465 || port == 587 : port == 25 || port == 53 || port == 67;
}

/* --- where is inside ------------------------------------------------------------------------------------ */

#if LWIP_IPV4
static int is_on4(const struct netif *netif, const uint8_t *address) {
    uint32_t word, own = ip4_addr_get_u32(netif_ip4_addr(netif)), mask = ip4_addr_get_u32(netif_ip4_netmask(netif));
    memcpy(&word, address, 4);
    return own && ((word ^ own) & mask) == 0;
}
#endif

#if LWIP_IPV6
/* Networks of the LAN are /64, as SLAAC has it. */
static int is_on6(const struct netif *netif, const uint8_t *address) {
    int i;
    for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
        if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) && !memcmp(netif_ip6_addr(netif, i)->addr, address, 8))
            return 1;
    return 0;
}
#endif

static int is_on(const struct netif *netif, uint32_t family, const uint8_t *address) {
#if LWIP_IPV4
    if (family == 4) return is_on4(netif, address);
#endif
#if LWIP_IPV6
    if (family == 6) return is_on6(netif, address);
#endif
    return 0;
}

/* Multicast, broadcast, link-local. */
static int is_near(uint32_t family, const uint8_t *address) {
    if (family == 4) return address[0] >= 224;
    return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

#if LWIP_IPV4
static int is_ours4(const uint8_t *address) {
    const struct netif *netif;
    NETIF_FOREACH(netif)
        if (!memcmp(netif_ip4_addr(netif), address, 4)) return 1;
    return 0;
}
#endif

static int is_inside(const gate_packet *packet) {
    const uint8_t *target = packet->ip + packet->source_at + packet->address_bytes;
    int i;
    if (is_near(packet->family, target)) return 1;
    for (i = 0; i < GATE_LANS; i++)
        if (lans[i].netif && is_on(lans[i].netif, packet->family, target)) return 1;
#if LWIP_IPV4
    if (packet->family == 4) return is_ours4(target);
#endif
    return 0;
}

/* A source that this LAN does not have is forged: it would have us answer to somebody else.  So is the MAC of a group or
 * of nobody, for which there is no verdict. */
static int is_forged(const struct netif *inp, const gate_packet *packet) {
    if (packet->mac[0] & 1 || !(gate_get32(packet->mac) | gate_get16(packet->mac + 4))) return 1;
    return !is_on(inp, packet->family, packet->ip + packet->source_at);
}

/* --- frames ------------------------------------------------------------------------------------------------ */

/* ethernet_input() has only moved `payload`: the source's MAC is still in front, where the type says so. */
static int has_sender(const struct pbuf *p, const struct netif *inp, const gate_layout *family) {
    return inp->flags & (NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET) &&
           gate_get16((const uint8_t *)p->payload - 2) == family->ethernet;
}

static const uint8_t *sender(const struct pbuf *p) { return (const uint8_t *)p->payload - 8; }

static void send_reply(struct netif *netif) {
    netif_linkoutput_fn linkoutput = linkoutput_of(netif);
    if (!reply.size || !linkoutput) return;
    memcpy(reply.frame + 6, netif->hwaddr, 6);
#ifdef GATE_SEND_COPY /* for drivers that keep the pbuf behind linkoutput, as ESP32's with Wi-Fi buffers in PSRAM */
    struct pbuf *copy = pbuf_alloc(PBUF_RAW, (u16_t)reply.size, PBUF_RAM);
    if (!copy) return;
    pbuf_take(copy, reply.frame, (u16_t)reply.size);
    linkoutput(netif, copy);
    pbuf_free(copy);
#else
    static struct pbuf p;
    p.payload = reply.frame;
    p.len = p.tot_len = (u16_t)reply.size;
    p.type_internal = PBUF_ROM;
    p.ref = 1;
    linkoutput(netif, &p);
#endif
}

/* Put a frame whose first `front` bytes lie before the pbuf's payload into the ring. */
static inline void keep(enum gate_direction way, enum gate_action action, struct pbuf *p, uint32_t front,
                        uint32_t snap) {
    uint8_t *to = gate_record(&the_gate, way, action, snap, p->tot_len + front);
    uint32_t here = p->len + front;
    if (!to) return;
    if (snap > here) {
        pbuf_copy_partial(p, to + here, (u16_t)(snap - here), (u16_t)(here - front));
        snap = here;
    }
    memcpy(to, (const uint8_t *)p->payload - front, snap);
    gate_commit(&the_gate);
}

/* A quarter of the ring is for mail alone: a flood of questions must not hide it. */
static void record(enum gate_direction way, enum gate_class kind, const gate_packet *packet, enum gate_action action,
                   struct pbuf *p, uint32_t front) {
    uint32_t snap = gate_snap(kind, packet, action, p->tot_len + front);
    if (!snap) return;
    if (kind != GATE_MAIL && gate_waiting(&the_gate) + snap > GATE_RING_BYTES * 3 / 4) the_gate.counts.lost++;
    else keep(way, action, p, front, snap);
}

static int eat(struct pbuf *p) {
    pbuf_free(p);
    return 1;
}

/* --- out of the house ---------------------------------------------------------------------------------------- */

/* Mail to somebody inside is nobody's business.  What goes on is judged first: most of it passes. */
static enum gate_action judge(struct netif *inp, const gate_packet *packet, uint32_t *ticket) {
    enum gate_action action = GATE_PASS;
    if (!packet->is_opening && (action = gate_judge(&the_gate, packet, ticket)) == GATE_PASS) return GATE_PASS;
    if (is_inside(packet)) return GATE_PASS;
    if (is_forged(inp, packet)) return GATE_DROP;
    if (!packet->is_opening) return action;
    gate_at(&the_gate, sys_now());
    return gate_judge(&the_gate, packet, ticket);
}

/* May this flow have no entry of the NAPT?  What stays inside needs none. */
static int is_crowded(struct netif *inp, const gate_packet *packet) {
    if (is_inside(packet) || gate_flow(&the_gate, packet) == GATE_PASS) return 0;
    if (packet->protocol == TCP) {
        gate_reset(&reply, packet);
        send_reply(inp);
    }
    return 1;
}

/* 1: the packet goes no further.  `goes_on`: the NAPT has an entry for it, or needs none. */
static int decide(struct netif *inp, struct pbuf *p, const gate_packet *packet, enum gate_class kind, int goes_on) {
    enum gate_action action = GATE_PASS;
    uint32_t ticket = 0;
    int is_refused;
    the_gate.counts.out += kind != GATE_NOTHING;
    if (kind == GATE_MAIL) action = judge(inp, packet, &ticket);
    is_refused = action == GATE_LATER || action == GATE_NEVER;
    if (action != GATE_PASS && action != GATE_DROP) {
        int is_ours = gate_answer(&reply, &the_gate, &the_texts, packet, action, ticket);
        send_reply(inp);
        if (is_ours && !is_refused) return eat(p); /* a word to us is no fact */
        if (action == GATE_ASK) action = GATE_PASS;
    }
    if (action == GATE_PASS && !goes_on && is_crowded(inp, packet)) action = GATE_DROP;
    if (action == GATE_PASS || is_refused) record(GATE_OUT, kind, packet, action, p, GATE_ETHERNET);
    if (action == GATE_PASS) return 0;
    the_gate.counts.acted[action - GATE_LATER]++;
    return eat(p);
}

/* The first bytes of a datagram in one piece. */
static const uint8_t *in_one(struct pbuf *p, uint8_t *copy, uint32_t *here) {
    *here = p->len;
    if (!p->next || p->len >= HEADS) return p->payload;
    *here = pbuf_copy_partial(p, copy, HEADS, 0);
    return copy;
}

/* Neither a packet that most are like, nor one that goes on.  1: it goes no further. */
static int closely(struct pbuf *p, struct netif *inp, const gate_layout *family, int goes_on) {
    uint8_t copy[HEADS];
    gate_packet packet;
    uint32_t here;
    const uint8_t *ip = in_one(p, copy, &here);
    enum gate_class kind = gate_look(&packet, family, ip, here, p->tot_len, GATE_OUT);
    if (kind == GATE_NOTHING && (!packet.payload_at || packet.family != 4)) return 0; /* what the NAPT does not have */
    if (kind == GATE_BROKEN) {
        the_gate.counts.broken++;
        return eat(p);
    }
    packet.mac = sender(p);
    return has_sender(p, inp, family) ? decide(inp, p, &packet, kind, goes_on) : 0;
}

/* A packet of a flow that goes on, to a port of interest.  Where it is mail and its device is free to, it is not
 * judged, and recorded at the most. */
static int go_on(struct pbuf *p, struct netif *inp, const gate_layout *family, uint32_t protocol, uint32_t port) {
    const uint8_t *ip = p->payload, *tcp = ip + family->head;
    uint32_t size = gate_get16(ip + family->size_at) + family->left_out;
    uint32_t head = (tcp[12] >> 4) * 4u, here = size - family->head, snap = size + GATE_ETHERNET;
    if (port != 25 || protocol != TCP || tcp[13] & ENDS || size != p->len ||
        head - 20 > here - 20 /* or is below 20 */ || !has_sender(p, inp, family) || !gate_is_free(&the_gate, sender(p)))
        return closely(p, inp, family, 1);
    the_gate.counts.out++;
    if (snap > GATE_SNAP_BYTES) snap = tcp[13] & PSH ? GATE_SMALL_BYTES : 0;
    if (head != here && snap) keep(GATE_OUT, GATE_PASS, p, GATE_ETHERNET, snap);
    return 0;
}

#if LWIP_IPV4
int gate_ip4_input(struct pbuf *p, struct netif *inp) {
    const uint8_t *ip = p->payload;
    uint32_t port;
    if (!is_lan(inp) || !GATE_PEEK(the_gate.is_on)) return 0;
    if (p->len < 40 || ip[0] != 0x45 || (ip[6] & 0x3f) | ip[7]) return p->len < 20 ? 0 : closely(p, inp, &gate_ip4, 0);
    if (ip[9] != TCP && ip[9] != UDP) return 0;
    if (!gate_flow_goes_on(&the_gate, ip)) return closely(p, inp, &gate_ip4, 0);
    port = gate_get16(ip + 22);
    return is_of_interest(port) ? go_on(p, inp, &gate_ip4, ip[9], port) : 0;
}
#endif

#if LWIP_IPV6
int gate_ip6_input(struct pbuf *p, struct netif *inp) {
    const uint8_t *ip = p->payload;
    uint32_t port;
    if (!is_lan(inp) || !GATE_PEEK(the_gate.is_on) || p->len < 40) return 0;
    if ((ip[6] != TCP && ip[6] != UDP) || p->len < 60) return ip[6] == ICMP6 ? 0 : closely(p, inp, &gate_ip6, 1);
    port = gate_get16(ip + 42);
    return is_of_interest(port) ? go_on(p, inp, &gate_ip6, ip[6], port) : 0;
}
#endif

/* --- to the LAN ---------------------------------------------------------------------------------------------- */

static void see(struct pbuf *p) {
    uint8_t copy[GATE_HEADS_BYTES];
    const uint8_t *ethernet = p->payload;
    uint32_t here = p->len, whole = p->tot_len - GATE_ETHERNET;
    const gate_layout *family = &gate_ip6;
    enum gate_class kind;
    gate_packet packet;
    if (p->next && here < GATE_HEADS_BYTES) {
        here = pbuf_copy_partial(p, copy, GATE_HEADS_BYTES, 0);
        ethernet = copy;
    }
    if (here < GATE_ETHERNET + 20) return;
    if (gate_get16(ethernet + 12) != family->ethernet) family = &gate_ip4;
    if (gate_get16(ethernet + 12) != family->ethernet) return;
    kind = gate_look(&packet, family, ethernet + GATE_ETHERNET, here - GATE_ETHERNET, whole, GATE_IN);
    if (kind == GATE_NOTHING || kind == GATE_BROKEN) return;
    the_gate.counts.in++;
    record(GATE_IN, kind, &packet, GATE_PASS, p, 0);
}

static err_t to_lan(struct netif *netif, struct pbuf *p) {
    if (GATE_PEEK(the_gate.is_on)) see(p);
    return linkoutput_of(netif)(netif, p);
}

static void tick(void *nothing) {
    gate_at(&the_gate, sys_now());
    sys_timeout(TICK_MS, tick, nothing);
}

int gate_attach(struct netif *lan) {
    int i;
    for (i = 0; i < GATE_LANS && lans[i].netif; i++) {
    }
    if (i == GATE_LANS || is_lan(lan)) return -1;
    lans[i].netif = lan;
    lans[i].linkoutput = lan->linkoutput;
    lan->linkoutput = to_lan;
    if (!is_ticking) {
        is_ticking = 1;
        the_gate.clock_ms = sys_now();
        tick(0);
    }
    return 0;
}

void gate_detach(struct netif *lan) {
    int i;
    for (i = 0; i < GATE_LANS; i++) {
        if (lans[i].netif != lan) continue;
        lan->linkoutput = lans[i].linkoutput;
        lans[i].netif = 0;
    }
}
