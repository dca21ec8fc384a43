/* What the parts of the core know of each other; nobody else includes this. */
#ifndef SPAMGATE_GATE_INSIDE_H
#define SPAMGATE_GATE_INSIDE_H

#include "gate.h"

#define GATE_ASKED_S 60 /* for so long the packets of whoever was refused for its pace are looked at closely */
#define GATE_STATE_SHIFT 24
#define GATE_FAMILY_SHIFT 16
#define GATE_SETTLED (1u << 24)

/* The word that is this hash, or NULL. */
uint32_t *gate_among(uint32_t *hashes, uint32_t count, uint32_t hash);

void gate_take_over(gate *g);
void gate_flow_sweep(gate *g); /* looks at the next flow, and lets go of it when its time is over */

static inline int gate_is_over(const uint32_t *words, uint32_t now_s) {
    return words[GATE_UNTIL] && (int32_t)(now_s - words[GATE_UNTIL]) >= 0;
}

#endif
