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

static enum gate_class of_port(uint32_t port, uint32_t protocol) {
    if (port == 53) return GATE_DNS;
    if (protocol == UDP) return port == 67 ? GATE_DHCP : GATE_NOTHING;
    return port == 25 ? GATE_MAIL : port == 465 || port == 587 ? GATE_SUBMISSION : GATE_NOTHING;
}

/* Open proxies listen there: SOCKS, Squid, HTTP's alternatives. */
static int is_proxy(uint32_t port) {
    return port == 1080 || port == 3128 || port == 4145 || port == 8080 || port == 8118;
}

/* TCP's or UDP's header. */
static enum gate_class read_transport(gate_packet *p, enum gate_direction way) {
    const uint8_t *header = p->ip + p->at;
    uint32_t size = p->protocol == TCP ? TCP_HEAD : UDP_HEAD;
    if (p->at + size > p->here) return p->protocol == TCP ? GATE_BROKEN : GATE_NOTHING;
    p->source_port = (uint16_t)gate_get16(header);
    p->target_port = (uint16_t)gate_get16(header + 2);
    if (p->protocol == TCP) {
        p->flags = header[13];
        size = (header[12] >> 4) * 4u;
        if (size < TCP_HEAD || p->at + size > p->size) return GATE_BROKEN;
    }
    p->payload_at = (uint16_t)(p->at + size);
    p->payload = p->size - p->payload_at;
    if (way == GATE_OUT) return of_port(p->target_port, p->protocol);
    if (p->protocol == TCP && (p->flags & SYN_OR_ACK) == SYN && is_proxy(p->target_port)) return GATE_PROXY;
    return of_port(p->source_port, p->protocol);
}

/* What both families have; 0 where lwIP will drop the packet anyway. */
static int begin(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t size, uint32_t whole) {
    int is_v4 = ip[0] >> 4 == 4;
    if (size > whole || size > 0xffff) return 0;
    p->ip = ip;
    p->size = (uint16_t)size;
    p->here = (uint16_t)(here < size ? here : size);
    p->flags = 0;
    p->is_part = 0;
    p->payload_at = 0;
    p->family = is_v4 ? 4 : 6;
    p->source_at = is_v4 ? 12 : 8;
    p->address_bytes = is_v4 ? 4 : 16;
    return 1;
}

enum gate_class gate_read4(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t whole, enum gate_direction way) {
    uint32_t head = (ip[0] & 15u) * 4u, offset, size;
    if (here < 20 || ip[0] >> 4 != 4 || head < 20 || head > here) return GATE_NOTHING;
    size = gate_get16(ip + 2);
    if (size < head || !begin(p, ip, here, size, whole)) return GATE_NOTHING;
    p->protocol = ip[9];
    p->at = (uint16_t)head;
    offset = gate_get16(ip + 6) & 0x1fff;
    if (offset) return offset == 1 && ip[9] == TCP ? GATE_BROKEN : GATE_NOTHING; /* it would write over flags: RFC 3128 */
    p->is_part = (ip[6] & 0x20) != 0;
    return ip[9] == TCP || ip[9] == UDP ? read_transport(p, way) : GATE_NOTHING;
}

/* Step over extension headers (RFC 8200 4); 0: not all of them are here; -1: a later fragment, or none of our protocols. */
static int step_over(gate_packet *p) {
    uint32_t at = 40, next = p->ip[6], count, size;
    for (count = 0; count <= MOST_EXTENSIONS; count++) {
        if (next == TCP || next == UDP) {
            p->protocol = (uint8_t)next;
            p->at = (uint16_t)at;
            return 1;
        }
        if (next != 0 && next != 43 && next != FRAGMENT && next != 51 && next != 60) return -1;
        if (at + 8 > p->here) return 0;
        if (next == FRAGMENT && (gate_get16(p->ip + at + 2) & 0xfff8)) return -1;
        if (next == FRAGMENT) p->is_part = p->ip[at + 3] & 1;
        size = p->ip[at + 1] + 1u;
        size = next == FRAGMENT ? 8 : next == 51 ? (size + 1) * 4 : size * 8;
        next = p->ip[at];
        at += size;
    }
    return 0;
}

enum gate_class gate_read6(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t whole, enum gate_direction way) {
    int found;
    if (here < 40 || ip[0] >> 4 != 6 || !begin(p, ip, here, gate_get16(ip + 4) + 40, whole)) return GATE_NOTHING;
    found = step_over(p);
    if (found <= 0) return found ? GATE_NOTHING : GATE_BROKEN;
    return read_transport(p, way);
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
    if (kind == GATE_MAIL && action == GATE_PASS) return p->flags & PSH ? GATE_SMALL_BYTES : p->flags & ENDS ? heads : 0; /* text */
    return kind == GATE_DNS ? whole : heads;
}
