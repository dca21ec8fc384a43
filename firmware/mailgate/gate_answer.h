/* Frames sent in a mail server's place: resets, and SMTP refusals that need no memory of the connection. */
#ifndef SPAMGATE_GATE_ANSWER_H
#define SPAMGATE_GATE_ANSWER_H

#include "gate.h"

#define GATE_BANNER_BYTES 160
#define GATE_LINE_BYTES 48
#define GATE_TEXT_AT (GATE_ETHERNET + 40 + 20)
#define GATE_FRAME_BYTES (GATE_TEXT_AT + GATE_BANNER_BYTES)

enum gate_text { GATE_TEXT_LATER, GATE_TEXT_NEVER, GATE_TEXT_SORRY, GATE_TEXT_BYE, GATE_TEXTS };

/* What is said, each line with its CRLF; in the first two, six `#` stand for the ticket.  An empty one: a reset. */
typedef struct {
    char text[2 * GATE_BANNER_BYTES + 2 * GATE_LINE_BYTES];
    uint8_t size[GATE_TEXTS];
} gate_texts;

/* A frame that goes back to whoever sent a packet. */
typedef struct {
    uint8_t *frame;      /* where it begins in `bytes`: one of IPv4 later, so that the text is always at GATE_TEXT_AT */
    uint32_t size;       /* of it; 0: there is nothing to be said */
    uint32_t seq, ack, flags, said; /* `said`: bytes of text */
    uint8_t bytes[GATE_FRAME_BYTES + 2];
} gate_reply;

/* In the packet thread, or before it runs.  -1: too long. */
int gate_texts_set(gate_texts *texts, enum gate_text which, const char *text, uint32_t size);

/* All write a reply; the caller fills in its source's MAC. */

/* End the connection (RFC 9293 3.10.7.1). */
void gate_reset(gate_reply *reply, const gate_packet *p);

/* Refuse a SYN with GATE_LATER or GATE_NEVER; go on with a connection that was refused, or end another with GATE_RESET.
 * 1: the packet belongs to one that was refused. */
int gate_answer(gate_reply *reply, const gate *g, const gate_texts *texts, const gate_packet *p,
                enum gate_action action, uint32_t ticket);

#endif
