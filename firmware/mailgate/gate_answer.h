/* Frames sent in a mail server's place: resets, and SMTP refusals that need no memory of the connection. */
#ifndef SPAMGATE_GATE_ANSWER_H
#define SPAMGATE_GATE_ANSWER_H

#include "gate.h"

#define GATE_BANNER_BYTES 160
#define GATE_LINE_BYTES 48
#define GATE_FRAME_BYTES (GATE_ETHERNET + 40 + 20 + GATE_BANNER_BYTES)

enum gate_text { GATE_TEXT_LATER, GATE_TEXT_NEVER, GATE_TEXT_SORRY, GATE_TEXT_BYE, GATE_TEXTS };

/* What is said, each line with its CRLF; in the first two, six `#` stand for the ticket.  An empty one: a reset. */
typedef struct {
    char banner[2][GATE_BANNER_BYTES];
    char line[2][GATE_LINE_BYTES];
    uint8_t size[GATE_TEXTS];
} gate_texts;

/* In the packet thread, or before it runs.  -1: too long. */
int gate_texts_set(gate_texts *texts, enum gate_text which, const char *text, uint32_t size);

/* All write a frame that goes back to whoever sent `p` and return its size, or 0 where nothing is to be said.
 * `frame` has GATE_FRAME_BYTES; `own_mac` is the gateway's. */

/* End the connection (RFC 9293 3.10.7.1). */
uint32_t gate_reset(const gate_packet *p, const uint8_t *own_mac, uint8_t *frame);

/* Take the SYN of a connection that is refused with GATE_LATER or GATE_NEVER. */
uint32_t gate_greet(const gate *g, const gate_packet *p, enum gate_action refusal, const uint8_t *own_mac, uint8_t *frame);

/* Go on with such a connection.  *is_ours: does the packet belong to one? */
uint32_t gate_go_on(const gate *g, const gate_texts *texts, const gate_packet *p, uint32_t ticket, const uint8_t *own_mac,
                    uint8_t *frame, int *is_ours);

#endif
