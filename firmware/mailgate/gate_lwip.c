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
#define SYN_OR_ACK 0x12
#define SYN 0x02
#define PSH 0x08
#define ENDS 0x07 /* FIN, SYN, RST */
#define ICMP6 58
#define TYPE4 0x0800
#define TYPE6 0x86dd
#define HEADS (GATE_HEADS_BYTES - GATE_ETHERNET)
#define TICK_MS 1000

gate the_gate;
gate_texts the_texts;
static struct { struct netif *netif; netif_linkoutput_fn linkoutput; } lans[GATE_LANS];
static uint8_t is_ticking;
static uint8_t frame[GATE_FRAME_BYTES] __attribute__((aligned(4)));

static err_t to_lan(struct netif *netif, struct pbuf *p);

static int is_lan(const struct netif *netif) { return netif->linkoutput == to_lan; }

static netif_linkoutput_fn linkoutput_of(const struct netif *netif) {
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

static int is_inside4(const uint8_t *address) {
    const struct netif *netif;
    uint32_t word;
    memcpy(&word, address, 4);
    if (address[0] >= 224) return 1; /* multicast, broadcast */
    NETIF_FOREACH(netif)
        if (word == ip4_addr_get_u32(netif_ip4_addr(netif)) || (is_lan(netif) && is_on4(netif, address))) return 1;
    return 0;
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

static int is_inside6(const uint8_t *address) {
    int i;
    if (address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)) return 1; /* multicast, link-local */
    for (i = 0; i < GATE_LANS; i++)
        if (lans[i].netif && is_on6(lans[i].netif, address)) return 1;
    return 0;
}
#endif

static int is_inside(const gate_packet *packet) {
#if LWIP_IPV4
    if (packet->family == 4) return is_inside4(packet->ip + 16);
#endif
#if LWIP_IPV6
    if (packet->family == 6) return is_inside6(packet->ip + 24);
#endif
    return 0;
}

/* A source that this LAN does not have is forged: it would have us answer to somebody else.  So is the MAC of a group or
 * of nobody, for which there is no verdict. */
static int is_forged(const struct netif *inp, const gate_packet *packet) {
    static const uint8_t nobody[6];
    if (packet->mac[0] & 1 || !memcmp(packet->mac, nobody, 6)) return 1;
#if LWIP_IPV4
    if (packet->family == 4) return !is_on4(inp, packet->ip + 12);
#endif
#if LWIP_IPV6
    if (packet->family == 6) return !is_on6(inp, packet->ip + 8);
#endif
    return 1;
}

/* --- frames ------------------------------------------------------------------------------------------------ */

/* ethernet_input() has only moved `payload`: the source's MAC is still in front, where the type says so. */
static const uint8_t *sender(const struct pbuf *p, const struct netif *inp, uint32_t type) {
    const uint8_t *ip = p->payload;
    if (!(inp->flags & (NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET)) || gate_get16(ip - 2) != type) return 0;
    return ip - 8;
}

static void send(struct netif *netif, uint32_t size) {
    netif_linkoutput_fn linkoutput = linkoutput_of(netif);
    static struct pbuf p;
    if (!size || !linkoutput) return;
#ifdef GATE_SEND_COPY /* for drivers that keep the pbuf behind linkoutput, as ESP32's with Wi-Fi buffers in PSRAM */
    struct pbuf *copy = pbuf_alloc(PBUF_RAW, (u16_t)size, PBUF_RAM);
    if (!copy) return;
    pbuf_take(copy, frame, (u16_t)size);
    linkoutput(netif, copy);
    pbuf_free(copy);
    (void)p;
#else
    memset(&p, 0, sizeof p);
    p.payload = frame;
    p.len = p.tot_len = (u16_t)size;
    p.type_internal = PBUF_ROM;
    p.ref = 1;
    linkoutput(netif, &p);
#endif
}

/* Record a frame whose first `front` bytes lie before the pbuf's payload.  A quarter of the ring is for mail alone: a
 * flood of questions must not hide it. */
static void record(enum gate_direction way, enum gate_class kind, const gate_packet *packet, enum gate_action action,
                   struct pbuf *p, uint32_t front) {
    uint32_t whole = p->tot_len + front, snap = gate_snap(kind, packet, action, whole);
    uint8_t *to;
    if (!snap) return;
    if (kind != GATE_MAIL && gate_waiting(&the_gate) + snap > GATE_RING_BYTES * 3 / 4) {
        the_gate.counts.lost++;
        return;
    }
    to = gate_record(&the_gate, way, action, the_gate.clock_ms, snap, whole);
    if (!to) return;
    if (snap <= p->len + front) {
        memcpy(to, (const uint8_t *)p->payload - front, snap);
    } else {
        memcpy(to, (const uint8_t *)p->payload - front, front);
        pbuf_copy_partial(p, to + front, (u16_t)(snap - front), 0);
    }
    gate_commit(&the_gate);
}

static int eat(struct pbuf *p) {
    pbuf_free(p);
    return 1;
}

/* --- out of the house ---------------------------------------------------------------------------------------- */

/* May this flow have no entry of the NAPT?  What stays inside, and IPv6, needs none. */
static int is_crowded(const gate_packet *packet) {
    uint8_t heads[40];
    uint32_t here = packet->here - packet->at;
    if (packet->family != 4) return 0;
    memcpy(heads, packet->ip, 20);
    memcpy(heads + 20, packet->ip + packet->at, here < 20 ? here : 20); /* without IP options */
    return gate_flow(&the_gate, packet->mac, heads) != GATE_PASS;
}

/* Refuse or go on refusing; 1: the packet was for us and not for the server. */
static int answer(struct netif *inp, const gate_packet *packet, enum gate_action action, uint32_t ticket) {
    int is_ours = 1;
    uint32_t size;
    if (action == GATE_LATER || action == GATE_NEVER) {
        int is_mute = !the_texts.size[action == GATE_LATER ? GATE_TEXT_LATER : GATE_TEXT_NEVER];
        size = is_mute ? gate_reset(packet, inp->hwaddr, frame) : gate_greet(&the_gate, packet, action, inp->hwaddr, frame);
    } else {
        size = gate_go_on(&the_gate, &the_texts, packet, ticket, inp->hwaddr, frame, &is_ours);
        if (!is_ours && action == GATE_RESET) size = gate_reset(packet, inp->hwaddr, frame);
    }
    send(inp, size);
    return is_ours;
}

static void count(enum gate_action action) {
    gate_counts *counts = &the_gate.counts;
    counts->later += action == GATE_LATER;
    counts->never += action == GATE_NEVER;
    counts->reset += action == GATE_RESET;
    counts->dropped += action == GATE_DROP;
}

/* Mail to somebody inside is nobody's business.  What goes on is judged first: most of it passes. */
static enum gate_action judge(struct netif *inp, const gate_packet *packet, uint32_t *ticket) {
    enum gate_action action = GATE_PASS;
    int is_syn = (packet->flags & SYN_OR_ACK) == SYN;
    if (!is_syn && (action = gate_judge(&the_gate, packet, ticket)) == GATE_PASS) return GATE_PASS;
    if (is_inside(packet)) return GATE_PASS;
    if (is_forged(inp, packet)) return GATE_DROP;
    if (!is_syn) return action;
    gate_at(&the_gate, sys_now());
    return gate_judge(&the_gate, packet, ticket);
}

/* 1: the packet goes no further.  `goes_on`: the NAPT has an entry for it. */
static int decide(struct netif *inp, struct pbuf *p, const gate_packet *packet, enum gate_class kind, int goes_on) {
    enum gate_action action = GATE_PASS;
    uint32_t ticket = 0;
    the_gate.counts.out += kind != GATE_NOTHING;
    if (kind == GATE_MAIL) action = judge(inp, packet, &ticket);
    if (action != GATE_PASS && action != GATE_DROP) {
        int is_ours = answer(inp, packet, action, ticket);
        if (is_ours && action != GATE_LATER && action != GATE_NEVER) return eat(p); /* a word to us is no fact */
        if (action == GATE_ASK) action = GATE_PASS;
    }
    if (action == GATE_PASS && !goes_on && !is_inside(packet) && is_crowded(packet)) {
        if (packet->protocol == TCP) send(inp, gate_reset(packet, inp->hwaddr, frame));
        action = GATE_DROP;
    }
    if (action == GATE_PASS || action == GATE_LATER || action == GATE_NEVER)
        record(GATE_OUT, kind, packet, action, p, GATE_ETHERNET);
    if (action == GATE_PASS) return 0;
    count(action);
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
static int closely(struct pbuf *p, struct netif *inp, uint32_t type, int goes_on) {
    uint8_t copy[HEADS];
    gate_packet packet;
    uint32_t here;
    const uint8_t *ip = in_one(p, copy, &here);
    enum gate_class kind;
    packet.payload_at = 0;
    kind = (type == TYPE4 ? gate_read4 : gate_read6)(&packet, ip, here, p->tot_len, GATE_OUT);
    if (kind == GATE_NOTHING && (!packet.payload_at || packet.family != 4)) return 0; /* what the NAPT does not have */
    if (kind == GATE_BROKEN) {
        the_gate.counts.broken++;
        return eat(p);
    }
    packet.mac = sender(p, inp, type);
    return packet.mac ? decide(inp, p, &packet, kind, goes_on) : 0;
}

/* A mail segment of a connection that goes on.  Where its device is free to, it is not judged, and recorded at the most.
 * `head` bytes are in front of TCP, `size` the datagram has. */
static int go_on(struct pbuf *p, struct netif *inp, uint32_t type, uint32_t head, uint32_t size) {
    const uint8_t *ip = p->payload, *tcp = ip + head, *mac = sender(p, inp, type);
    uint32_t heads = head + (tcp[12] >> 4) * 4u, whole = size + GATE_ETHERNET, snap = whole;
    uint8_t *to;
    if (tcp[13] & ENDS || size != p->len || heads > size || heads < head + 20 || !mac || !gate_is_free(&the_gate, mac))
        return closely(p, inp, type, 1);
    the_gate.counts.out++;
    if (whole > GATE_SNAP_BYTES) snap = tcp[13] & PSH ? GATE_SMALL_BYTES : 0;
    if (heads == size || !snap) return 0;
    to = gate_record(&the_gate, GATE_OUT, GATE_PASS, the_gate.clock_ms, snap, whole);
    if (!to) return 0;
    memcpy(to, ip - GATE_ETHERNET, snap);
    gate_commit(&the_gate);
    return 0;
}

#if LWIP_IPV4
int gate_ip4_input(struct pbuf *p, struct netif *inp) {
    const uint8_t *ip = p->payload;
    uint32_t port;
    if (!is_lan(inp) || !GATE_PEEK(the_gate.is_on)) return 0;
    if (p->len < 40 || ip[0] != 0x45 || (ip[6] & 0x3f) | ip[7]) return p->len < 20 ? 0 : closely(p, inp, TYPE4, 0);
    if (ip[9] != TCP && ip[9] != UDP) return 0;
    if (!gate_flow_goes_on(&the_gate, ip)) return closely(p, inp, TYPE4, 0);
    port = gate_get16(ip + 22);
    if (!is_of_interest(port)) return 0;
    if (port == 25 && ip[9] == TCP) return go_on(p, inp, TYPE4, 20, gate_get16(ip + 2));
    return closely(p, inp, TYPE4, 1);
}
#endif

#if LWIP_IPV6
int gate_ip6_input(struct pbuf *p, struct netif *inp) {
    const uint8_t *ip = p->payload;
    uint32_t port;
    if (!is_lan(inp) || !GATE_PEEK(the_gate.is_on) || p->len < 40) return 0;
    if ((ip[6] != TCP && ip[6] != UDP) || p->len < 60) return ip[6] == ICMP6 ? 0 : closely(p, inp, TYPE6, 1);
    port = gate_get16(ip + 42);
    if (!is_of_interest(port)) return 0;
    if (port == 25 && ip[6] == TCP) return go_on(p, inp, TYPE6, 40, gate_get16(ip + 4) + 40);
    return closely(p, inp, TYPE6, 1);
}
#endif

/* --- to the LAN ---------------------------------------------------------------------------------------------- */

static void see(struct pbuf *p) {
    uint8_t copy[GATE_HEADS_BYTES];
    const uint8_t *ethernet = p->payload;
    uint32_t here = p->len, whole = p->tot_len - GATE_ETHERNET;
    enum gate_class kind;
    gate_packet packet;
    if (p->next && here < GATE_HEADS_BYTES) {
        here = pbuf_copy_partial(p, copy, GATE_HEADS_BYTES, 0);
        ethernet = copy;
    }
    if (here < GATE_ETHERNET + 20 || (gate_get16(ethernet + 12) != TYPE4 && gate_get16(ethernet + 12) != TYPE6)) return;
    kind = (ethernet[13] ? gate_read6 : gate_read4)(&packet, ethernet + GATE_ETHERNET, here - GATE_ETHERNET, whole, GATE_IN);
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
