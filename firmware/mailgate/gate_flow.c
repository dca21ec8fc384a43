/* How many of the NAPT's entries does each device hold?  One that floods connections must not take those of the house.
 *
 * Espressif's NAPT has 512 entries for all, and no hook that tells of them; so flows are followed here as it follows
 * them: TCP until it has been silent for half an hour, or 20 s after FIN or RST; UDP until silent for 2 to 4 s.  A cell
 * knows a flow by 13 bits of a hash besides its place; two flows that look alike count as one.  Four cells make a
 * bucket; a flow that finds its bucket full takes the place of the one that would end first.
 */
#include "gate_flow.h"
#include "gate_inside.h"

#define TCP 6

/* What is more than 900 units ahead lies behind: the sweep comes by within 64 s. */
static int is_over(uint32_t cell, uint32_t now) {
    return gate_flow_left(cell, now) - 1 >= GATE_FLOW_TCP_LASTS;
}

static void let_go(gate *g, uint32_t *cell) {
    g->flows_of[*cell >> GATE_FLOW_OWNER & 0xff]--;
    *cell = 0;
}

void gate_flow_sweep(gate *g) {
    uint32_t *cell = &g->flows[g->swept++ % GATE_FLOWS];
    if (*cell && is_over(*cell, gate_flow_units(g))) let_go(g, cell);
}

/* Has the device really so many?  All are looked at once a second: a flood must not cost more than that. */
static int is_crowded(gate *g, uint32_t owner) {
    uint32_t at;
    if (g->flows_of[owner] >= GATE_FLOWS_A_DEVICE && g->full_s != g->now_s) {
        g->full_s = g->now_s;
        for (at = 0; at < GATE_FLOWS; at++) gate_flow_sweep(g);
    }
    return g->flows_of[owner] >= GATE_FLOWS_A_DEVICE;
}

/* Return the flow's cell, or one that it may take. */
static uint32_t *place_for(gate *g, uint32_t hash, uint32_t now) {
    uint32_t *cell = gate_flow_bucket(g, hash), *best = cell, *end = cell + GATE_FLOW_WAYS, least = ~0u;
    for (; cell < end; cell++) {
        uint32_t left = *cell ? gate_flow_left(*cell, now) : 0;
        if (gate_flow_is(*cell, gate_flow_tag(hash))) return cell;
        if (*cell && is_over(*cell, now)) {
            let_go(g, cell);
            left = 0;
        }
        if (left < least) {
            best = cell;
            least = left;
        }
    }
    return best;
}

static uint32_t hash_of(const gate *g, const gate_packet *p) {
    uint32_t ends[3];
    memcpy(ends, p->ip + p->source_at, 8);
    memcpy(ends + 2, p->ip + p->at, 4);
    return gate_flow_hash(g, p->protocol, ends);
}

enum gate_action gate_flow(gate *g, const gate_packet *p) {
    uint32_t hash = hash_of(g, p), tag = gate_flow_tag(hash), now = gate_flow_units(g);
    uint32_t owner = gate_hash(g, 0, p->mac, 6) & 0xff, *cell = place_for(g, hash, now);
    int is_tcp = p->protocol == TCP, is_known = gate_flow_is(*cell, tag);
    if (is_tcp ? !p->is_opening : is_known) { /* the NAPT makes entries for a SYN only */
        if (is_known) gate_flow_renew(cell, p->protocol, p->flags, now);
        return GATE_PASS;
    }
    if (is_known) let_go(g, cell); /* a port used again, or the SYN again */
    if (is_crowded(g, owner)) {
        g->counts.crowded++;
        return GATE_RESET;
    }
    if (*cell) let_go(g, cell);
    g->flows_of[owner]++;
    now += is_tcp ? GATE_FLOW_TCP_LASTS : GATE_FLOW_UDP_LASTS;
    *cell = tag | owner << GATE_FLOW_OWNER | (now & GATE_FLOW_TIME);
    return GATE_PASS;
}
