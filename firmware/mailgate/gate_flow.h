/* The way of most packets through the table of flows: found, renewed, gone. */
#ifndef SPAMGATE_GATE_FLOW_H
#define SPAMGATE_GATE_FLOW_H

#include <string.h>

#include "gate.h"

#define GATE_FLOW_WAYS 4
#define GATE_FLOW_TAG 18       /* bits below the tag: device 8, end 10 */
#define GATE_FLOW_OWNER 10
#define GATE_FLOW_TIME 1023u   /* in units of 2 s, modulo 1024 */
#define GATE_FLOW_TCP_LASTS 900u
#define GATE_FLOW_CLOSING_LASTS 10u
#define GATE_FLOW_UDP_LASTS 2u

static inline uint32_t gate_flow_units(const gate *g) { return g->now_s >> 1; }
static inline uint32_t gate_flow_left(uint32_t cell, uint32_t now) { return (cell - now) & GATE_FLOW_TIME; }

/* The flow's bucket in the upper bits, its tag (never 0) in the lower ones.  `ends`: addresses, ports. */
static inline uint32_t gate_flow_hash(const gate *g, uint32_t protocol, const uint32_t *ends) {
    uint32_t h = (ends[0] ^ g->secret[0]) * 0x9E3779B1u + (ends[1] ^ protocol);
    h = (h ^ h >> 15 ^ ends[2]) * 0x85EBCA77u;
    return (h ^ h >> 13) | 1;
}

static inline uint32_t *gate_flow_bucket(gate *g, uint32_t hash) { return &g->flows[(hash >> 25) * GATE_FLOW_WAYS]; }
static inline uint32_t gate_flow_tag(uint32_t hash) { return hash << GATE_FLOW_TAG; }
static inline int gate_flow_is(uint32_t cell, uint32_t tag) { return (cell ^ tag) >> GATE_FLOW_TAG == 0; }

/* What still comes of a flow that has ended (FIN, RST) does not prolong it. */
static inline void gate_flow_renew(uint32_t *cell, uint32_t protocol, uint32_t flags, uint32_t now) {
    uint32_t lasts = GATE_FLOW_TCP_LASTS, left = gate_flow_left(*cell, now);
    if (protocol != 6) lasts = GATE_FLOW_UDP_LASTS;
    else if (flags & 0x05) lasts = GATE_FLOW_CLOSING_LASTS;
    else if (left - GATE_FLOW_CLOSING_LASTS - 1 >= GATE_FLOW_TCP_LASTS - GATE_FLOW_CLOSING_LASTS) return; /* or is over */
    if (left != lasts) *cell = (*cell & ~GATE_FLOW_TIME) | ((now + lasts) & GATE_FLOW_TIME);
}

/* Is the packet (TCP or UDP, no options, no fragment, 40 bytes) one of a known flow, which goes on?  As gate_flow, for
 * the packets that are many. */
static inline int gate_flow_goes_on(gate *g, const uint8_t *ip) {
    uint32_t ends[3], hash, tag, *cell, *end;
    memcpy(&ends[0], ip + 12, 4);
    memcpy(&ends[1], ip + 16, 4);
    memcpy(&ends[2], ip + 20, 4);
    hash = gate_flow_hash(g, ip[9], ends);
    tag = gate_flow_tag(hash);
    cell = gate_flow_bucket(g, hash);
    end = cell + GATE_FLOW_WAYS;
    while (!gate_flow_is(*cell, tag))
        if (++cell == end) return 0;
    if (ip[9] == 6 && (ip[33] & 0x12) == 0x02) return 0; /* it opens */
    gate_flow_renew(cell, ip[9], ip[33], gate_flow_units(g));
    return 1;
}

#endif
