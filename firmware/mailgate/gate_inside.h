/* What the parts of the core know of each other; nobody else includes this. */
#ifndef SPAMGATE_GATE_INSIDE_H
#define SPAMGATE_GATE_INSIDE_H

#include "gate.h"

#define GATE_ASKED_S 60 /* for so long the packets of whoever was refused for its pace are looked at closely */

void gate_take_over(gate *g);
void gate_flow_sweep(gate *g); /* looks at the next flow, and lets go of it when its time is over */

#endif
