/* How many of the NAPT's entries does each device hold?  One that floods connections must not take those of the house.
 *
 * Espressif's NAPT has 512 entries for all, and no hook that tells of them; so flows are followed here as it follows
 * them: TCP until it has been silent for half an hour, or 20 s after FIN or RST; UDP until silent for 2 to 4 s.  A cell
 * knows a flow by 13 bits of a hash besides its place; two flows that look alike count as one.  Four cells make a
 * bucket; a flow that finds its bucket full takes the place of the one that would end first.
 */
#include <string.h>

#include "gate_inside.h"
#include "gate_shared.h"

#define TCP 6
#define FIN_OR_RST 0x05
#define SYN_OR_ACK 0x12
#define SYN 0x02
#define WAYS 4
#define TAG_SHIFT 18
#define OWNER_SHIFT 10
#define TIME 1023u  /* in units of 2 s, modulo 1024 */
#define TCP_LASTS 900u
#define CLOSING_LASTS 10u
#define UDP_LASTS 2u

static uint32_t units(const gate *g) { return g->now_s >> 1; }

static uint32_t left(uint32_t cell, uint32_t now) { return (cell - now) & TIME; }

/* What is more than 900 units ahead lies behind: the sweep comes by within 64 s. */
static int is_over(uint32_t cell, uint32_t now) { return left(cell, now) > TCP_LASTS || left(cell, now) == 0; }

/* The flow's bucket in the upper bits, its tag (never 0) in the lower ones. */
static uint32_t hash_of(const gate *g, const uint8_t *ip) {
    uint32_t source, target, ports, h;
    memcpy(&source, ip + 12, 4);
    memcpy(&target, ip + 16, 4);
    memcpy(&ports, ip + 20, 4);
    h = (source ^ g->secret[0]) * 0x9E3779B1u;
    h = (h ^ h >> 15 ^ target ^ ip[9]) * 0x85EBCA77u;
    h = (h ^ h >> 13 ^ ports) * 0xC2B2AE3Du;
    return (h ^ h >> 16) | 1;
}

static uint32_t *bucket_of(gate *g, uint32_t hash) { return &g->flows[(hash >> 25) * WAYS]; }
static uint32_t tag_of(uint32_t hash) { return (hash & 0x3fff) << TAG_SHIFT; }

static void renew(uint32_t *cell, const uint8_t *ip, uint32_t now) {
    uint32_t lasts = TCP_LASTS;
    if (ip[9] != TCP) lasts = UDP_LASTS;
    else if (ip[33] & FIN_OR_RST || left(*cell, now) <= CLOSING_LASTS) {
        if (!(ip[33] & FIN_OR_RST)) return; /* what still comes of a flow that has ended does not prolong it */
        lasts = CLOSING_LASTS;
    }
    *cell = (*cell & ~TIME) | ((now + lasts) & TIME);
}

int gate_flow_goes_on(gate *g, const uint8_t *ip) {
    uint32_t hash = hash_of(g, ip), tag = tag_of(hash), now = units(g), way;
    uint32_t *cell = bucket_of(g, hash);
    if (ip[9] == TCP && (ip[33] & SYN_OR_ACK) == SYN) return 0;
    for (way = 0; way < WAYS; way++, cell++) {
        if ((*cell ^ tag) >> TAG_SHIFT == 0) {
            renew(cell, ip, now);
            return 1;
        }
    }
    return ip[9] == TCP; /* the NAPT makes entries for a SYN only; what has none goes nowhere */
}

static void let_go(gate *g, uint32_t *cell) {
    g->flows_of[*cell >> OWNER_SHIFT & 0xff]--;
    *cell = 0;
}

void gate_flow_sweep(gate *g) {
    uint32_t *cell = &g->flows[g->swept++ % GATE_FLOWS];
    if (*cell && is_over(*cell, units(g))) let_go(g, cell);
}

/* Before a device is refused: has it really so many? */
static void sweep_all(gate *g) {
    uint32_t at;
    if (g->full_s == g->now_s) return; /* once a second: a flood must not cost more than that */
    g->full_s = g->now_s;
    for (at = 0; at < GATE_FLOWS; at++) gate_flow_sweep(g);
}

/* Return the flow's cell, or one that it may take. */
static uint32_t *place_for(gate *g, uint32_t hash) {
    uint32_t *cell = bucket_of(g, hash), *best = cell, tag = tag_of(hash), now = units(g), way;
    for (way = 0; way < WAYS; way++) {
        if (cell[way] && (cell[way] ^ tag) >> TAG_SHIFT == 0) return &cell[way];
        if (cell[way] && is_over(cell[way], now)) let_go(g, &cell[way]);
        if (*best && (!cell[way] || left(cell[way], now) < left(*best, now))) best = &cell[way];
    }
    return best;
}

enum gate_action gate_flow_begins(gate *g, const uint8_t *mac, const uint8_t *ip) {
    uint32_t hash = hash_of(g, ip), tag = tag_of(hash), now = units(g);
    uint32_t owner = gate_hash(g, 0, mac, 6, 0, 0) & 0xff, *cell = place_for(g, hash);
    if (*cell && (*cell ^ tag) >> TAG_SHIFT == 0) let_go(g, cell); /* a port used again, or the SYN again */
    if (g->flows_of[owner] >= GATE_FLOWS_A_DEVICE) sweep_all(g);
    if (g->flows_of[owner] >= GATE_FLOWS_A_DEVICE) {
        g->counts.crowded++;
        return GATE_RESET;
    }
    if (*cell) let_go(g, cell);
    g->flows_of[owner]++;
    *cell = tag | owner << OWNER_SHIFT | ((now + (ip[9] == TCP ? TCP_LASTS : UDP_LASTS)) & TIME);
    return GATE_PASS;
}
