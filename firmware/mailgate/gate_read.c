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
    switch (port) {
    case 25: return protocol == TCP ? GATE_MAIL : GATE_NOTHING;
    case 465: case 587: return protocol == TCP ? GATE_SUBMISSION : GATE_NOTHING;
    case 53: return GATE_DNS;
    case 67: return protocol == UDP ? GATE_DHCP : GATE_NOTHING;
    default: return GATE_NOTHING;
    }
}

/* Open proxies listen there: SOCKS, Squid, HTTP's alternatives. */
static int is_proxy(uint32_t port) {
    return port == 1080 || port == 3128 || port == 4145 || port == 8080 || port == 8118;
}

static enum gate_class read_udp(gate_packet *p, enum gate_direction way) {
    if (p->at + UDP_HEAD > p->here) return GATE_NOTHING;
    p->source_port = (uint16_t)gate_get16(p->ip + p->at);
    p->target_port = (uint16_t)gate_get16(p->ip + p->at + 2);
    p->payload_at = p->at + UDP_HEAD;
    p->payload = p->size - p->payload_at;
    return of_port(way == GATE_OUT ? p->target_port : p->source_port, UDP);
}

static enum gate_class read_tcp(gate_packet *p, enum gate_direction way) {
    const uint8_t *tcp = p->ip + p->at;
    uint32_t head;
    if (p->at + TCP_HEAD > p->here) return GATE_BROKEN;
    p->source_port = (uint16_t)gate_get16(tcp);
    p->target_port = (uint16_t)gate_get16(tcp + 2);
    p->flags = tcp[13];
    head = (tcp[12] >> 4) * 4u;
    if (head < TCP_HEAD || p->at + head > p->size) return GATE_BROKEN;
    p->payload_at = (uint16_t)(p->at + head);
    p->payload = p->size - p->payload_at;
    if (way == GATE_OUT) return of_port(p->target_port, TCP);
    if ((p->flags & SYN_OR_ACK) == SYN && is_proxy(p->target_port)) return GATE_PROXY;
    return of_port(p->source_port, TCP);
}

/* The sizes both families tell; 0 where lwIP will drop the packet anyway. */
static int set_sizes(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t size, uint32_t whole) {
    if (size > whole || size > 0xffff) return 0;
    p->ip = ip;
    p->size = (uint16_t)size;
    p->here = (uint16_t)(here < size ? here : size);
    p->flags = 0;
    return 1;
}

enum gate_class gate_read4(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t whole, enum gate_direction way) {
    uint32_t head, offset;
    if (here < 20 || ip[0] >> 4 != 4) return GATE_NOTHING;
    head = (ip[0] & 15u) * 4u;
    if (head < 20 || head > here || gate_get16(ip + 2) < head) return GATE_NOTHING;
    if (!set_sizes(p, ip, here, gate_get16(ip + 2), whole)) return GATE_NOTHING;
    p->family = 4;
    p->protocol = ip[9];
    p->at = (uint16_t)head;
    offset = gate_get16(ip + 6) & 0x1fff;
    if (p->protocol == TCP) {
        if (offset) return offset == 1 ? GATE_BROKEN : GATE_NOTHING; /* would write over flags: RFC 1858, 3128 */
        return read_tcp(p, way);
    }
    return p->protocol == UDP && !offset ? read_udp(p, way) : GATE_NOTHING;
}

/* Step over extension headers (RFC 8200 4); 0: not all of them are here; -1: a later fragment, or none of our protocols. */
static int step_over(gate_packet *p) {
    uint32_t at = 40, next = p->ip[6], count;
    for (count = 0; count <= MOST_EXTENSIONS; count++) {
        if (next == TCP || next == UDP) {
            p->protocol = (uint8_t)next;
            p->at = (uint16_t)at;
            return 1;
        }
        if (next != 0 && next != 43 && next != FRAGMENT && next != 51 && next != 60) return -1;
        if (at + 8 > p->here) return 0;
        if (next == FRAGMENT && (gate_get16(p->ip + at + 2) & 0xfff8)) return -1;
        {
            const uint8_t *header = p->ip + at;
            at += next == FRAGMENT ? 8 : next == 51 ? (header[1] + 2u) * 4u : (header[1] + 1u) * 8u;
            next = header[0];
        }
    }
    return 0;
}

enum gate_class gate_read6(gate_packet *p, const uint8_t *ip, uint32_t here, uint32_t whole, enum gate_direction way) {
    int found;
    if (here < 40 || ip[0] >> 4 != 6) return GATE_NOTHING;
    if (!set_sizes(p, ip, here, gate_get16(ip + 4) + 40, whole)) return GATE_NOTHING;
    p->family = 6;
    found = step_over(p);
    if (found <= 0) return found ? GATE_NOTHING : GATE_BROKEN;
    return p->protocol == TCP ? read_tcp(p, way) : read_udp(p, way);
}

#define ENDS 0x07
#define SMALL 320

uint32_t gate_snap(enum gate_class kind, const gate_packet *p, enum gate_action action, uint32_t frame) {
    uint32_t heads = GATE_ETHERNET + p->payload_at, whole = frame < GATE_SNAP_BYTES ? frame : GATE_SNAP_BYTES;
    if (heads > whole) heads = whole;
    switch (kind) {
    case GATE_MAIL:
        if (action != GATE_PASS) return heads;
        if (!p->payload) return p->flags & ENDS ? heads : 0;
        return frame <= GATE_SNAP_BYTES ? frame : p->flags & 0x08 ? SMALL : heads;
    case GATE_SUBMISSION:
        if (!p->payload) return p->flags & ENDS ? heads : 0;
        return frame <= SMALL ? frame : heads;
    case GATE_DNS:
        return p->protocol == TCP && !p->payload && !(p->flags & ENDS) ? 0 : whole;
    case GATE_DHCP: return whole;
    case GATE_PROXY: return heads;
    default: return 0;
    }
}
