/* A mail client's TCP before the house's gateway: what it hears is checked as a TCP of its own would check it. */
#ifndef TALKER_H
#define TALKER_H

#include "house.h"

typedef struct {
    packet ends;       /* family, device, server, ports */
    uint32_t seq;      /* next to be sent */
    uint32_t first;    /* its initial sequence number */
    uint32_t next;     /* expected from the other side */
    uint32_t peer;     /* the other side's initial sequence number */
    uint32_t resend;   /* what the other side has acknowledged */
    char heard[2048];  /* all text, with a 0 behind it */
    unsigned heard_bytes;
    unsigned replies;  /* segments that came */
    unsigned wrong;    /* of them with a wrong checksum, address, port or number */
    int is_connected, is_ended, is_reset;
    int is_deaf;       /* what comes is lost */
} talker;

/* A client of the device, with a port and numbers made from `attempt`. */
talker talker_of(unsigned family, unsigned device, unsigned attempt);

/* Each sends a segment and hears what comes back. */
void talker_connect(talker *t);
void talker_acknowledge(talker *t);
void talker_say(talker *t, const char *text);
void talker_finish(talker *t);  /* FIN */
void talker_reset(talker *t);
void talker_again(talker *t, const char *text); /* the text that was said last, once more */

#endif
