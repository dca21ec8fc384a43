/* What must never happen, however the gate is used: kept apart from the gate's own way of thinking. */
#ifndef FUZZ_RULES_H
#define FUZZ_RULES_H

#include "house.h"

/* Nothing is known yet. */
void rules_start(void);

/* Around a frame that is given to an interface. */
void rules_begin(const struct netif *netif, const uint8_t *frame, unsigned size);
void rules_end(void);

/* lwIP, or the gate, sends a frame. */
void rules_sent(const struct netif *netif, const struct pbuf *p);

/* Control, remembered. */
void rules_put(const gate_key *key, const gate_verdict *verdict);
void rules_remove(const gate_key *key);
void rules_forget(void);

/* Read records into a buffer of this size and check each. */
void rules_read(unsigned size);

/* Make `p` the next segment of the client that the gate has answered last. */
void rules_answer_to(packet *p);

/* Does all add up at the end? */
void rules_finish(void);

#endif
