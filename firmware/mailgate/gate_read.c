/* What is this packet?  Reads headers of IPv4, IPv6, TCP and UDP, and looks at nothing that has not come. */
#include "gate.h"

#define TCP 6
#define UDP 17
#define TCP_HEAD 20
#define UDP_HEAD 8
#define SYN_OR_ACK 0x12
#define SYN 0x02
#define MOST_EXTENSIONS 6
#define FRAGMENT 44
#define HEAD4 20u
#define HEAD6 40u
#define BROKEN 1u

static enum gate_class of_port(uint32_t port, int is_tcp) {
    if (port == 53) return GATE_DNS;
    if (!is_tcp) return port == 67 ? GATE_DHCP : GATE_NOTHING;
    return port == 25 ? GATE_MAIL : port == 465 || port == 587 ? GATE_SUBMISSION : GATE_NOTHING;
}

/* Open proxies listen there: SOCKS, Squid, HTTP's alternatives. */
static int is_proxy(uint32_t port) {
    return port == 1080 || port == 3128 || port == 4145 || port == 8080 || port == 8118;
}

/* TCP's or UDP's header. */
static enum gate_class read_transport(gate_packet *p, enum gate_direction way) {
    const uint8_t *header = p->ip + p->at;
    int is_tcp = p->protocol == TCP;
    uint32_t size = is_tcp ? TCP_HEAD : UDP_HEAD;
    if (p->at + size > p->here) return is_tcp ? GATE_BROKEN : GATE_NOTHING;
    p->source_port = gate_get16(header);
    p->target_port = gate_get16(header + 2);
    if (is_tcp) {
        p->flags = header[13];
        p->is_opening = (p->flags & SYN_OR_ACK) == SYN;
        size = (header[12] >> 4) * 4u;
        if (size < TCP_HEAD || p->at + size > p->size) return GATE_BROKEN;
    }
    p->payload_at = p->at + size;
    p->payload = p->size - p->payload_at;
    if (way == GATE_IN && p->is_opening && is_proxy(p->target_port)) return GATE_PROXY;
    return of_port(way == GATE_OUT ? p->target_port : p->source_port, is_tcp);
}

/* Where do TCP's or UDP's bytes begin?  0: nowhere here, and BROKEN: not all of the headers before them have come. */
static uint32_t behind4(gate_packet *p) {
    const uint8_t *ip = p->ip;
    uint32_t head = (ip[0] & 15u) * 4u, offset = gate_get16(ip + 6) & 0x1fff;
    p->protocol = ip[9];
    p->is_part = ip[6] & 0x20;
    if (head < HEAD4 || head > p->here) return 0;
    if (offset) return offset == 1 && p->protocol == TCP ? BROKEN : 0; /* it would write over flags: RFC 3128 */
    return p->protocol == TCP || p->protocol == UDP ? head : 0;
}

/* Over extension headers (RFC 8200 4). */
static uint32_t behind6(gate_packet *p) {
    uint32_t at = HEAD6, next = p->ip[6], count, size;
    for (count = 0; count <= MOST_EXTENSIONS; count++) {
        const uint8_t *header = p->ip + at;
        p->protocol = next;
        if (next == TCP || next == UDP) return at;
        if (next != 0 && next != 43 && next != FRAGMENT && next != 51 && next != 60) return 0;
        if (at + 8 > p->here) return BROKEN;
        size = header[1] * 8u + 8;
        if (next == 51) size = header[1] * 4u + 8;
        if (next == FRAGMENT) {
            if (gate_get16(header + 2) & 0xfff8) return 0;
            p->is_part = header[3] & 1;
            size = 8;
        }
        next = header[0];
        at += size;
    }
    return BROKEN;
}

const gate_layout gate_ip4 = {0x0800, 4, 12, 4, HEAD4, 2, 0}, gate_ip6 = {0x86dd, 6, 8, 16, HEAD6, 4, HEAD6};

enum gate_class gate_look(gate_packet *p, const gate_layout *family, const uint8_t *ip, uint32_t here, uint32_t whole,
                          enum gate_direction way) {
    p->flags = p->is_opening = p->is_part = p->payload_at = 0;
    p->ip = ip;
    p->family = family->family;
    p->source_at = family->source_at;
    p->address_bytes = family->address_bytes;
    if (here < family->head || ip[0] >> 4 != family->family) return GATE_NOTHING;
    p->size = gate_get16(ip + family->size_at) + family->left_out;
    if (p->size > whole || p->size > 0xffff) return GATE_NOTHING; /* lwIP drops it */
    p->here = here < p->size ? here : p->size;
    p->at = p->family == 4 ? behind4(p) : behind6(p);
    if (p->at == BROKEN) return GATE_BROKEN;
    return p->at ? read_transport(p, way) : GATE_NOTHING;
}

#define ENDS 0x07
#define PSH 0x08

uint32_t gate_snap(enum gate_class kind, const gate_packet *p, enum gate_action action, uint32_t frame) {
    uint32_t heads = GATE_ETHERNET + p->payload_at, most = kind == GATE_SUBMISSION ? GATE_SMALL_BYTES : GATE_SNAP_BYTES;
    uint32_t whole = frame < GATE_SNAP_BYTES ? frame : GATE_SNAP_BYTES;
    if (heads > whole) heads = whole;
    if (kind == GATE_NOTHING || kind == GATE_BROKEN) return 0;
    if (p->protocol == UDP) return whole;
    if (!p->payload || kind == GATE_PROXY) return p->flags & ENDS ? heads : 0;
    if (frame <= most && action == GATE_PASS) return frame;
    if (kind != GATE_MAIL || action != GATE_PASS) return kind == GATE_DNS ? whole : heads;
    if (p->flags & PSH) return GATE_SMALL_BYTES; /* text */
    return p->flags & ENDS ? heads : 0;
}
