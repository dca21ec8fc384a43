/* The gate on lwIP: the same file on a chip and on the host.  All of it runs in lwIP's thread, or under its lock. */
#ifndef SPAMGATE_GATE_LWIP_H
#define SPAMGATE_GATE_LWIP_H

#include "gate.h"
#include "gate_answer.h"

struct netif;

#define GATE_LANS 4

extern gate the_gate;
extern gate_texts the_texts;

/* Judge what comes in by this interface, and see what goes out by it; 0, or -1 when there are too many.  The first call
 * starts the clock. */
int gate_attach(struct netif *lan);

/* Leave the interface alone again. */
void gate_detach(struct netif *lan);

#endif
