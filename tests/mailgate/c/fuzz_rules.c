/* What must never happen.
 *
 * - A device that was quarantined opens no connection to port 25 outside, and sends no text over one.
 * - What the gate sends to the LAN goes back to whoever is being answered, from port 25, with right checksums.
 * - Records are whole, no longer than their reader expects, and all can be read.
 * - The flows that each device is said to hold are those in the table, and no more than its share.
 */
#include "fuzz_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    gate_key key;
    uint8_t state;
    uint32_t until_s; /* 0: for good */
} known[GATE_DEVICES * 2];
static unsigned known_count, relays;

static const struct netif *given_to; /* the interface that a frame is given to just now */
static const uint8_t *given;
static unsigned given_bytes;

static struct {
    uint32_t seq, ack, client_port;
    unsigned device, server, family;
} answered;

static void must(int holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "rule broken: %s\n", what);
    abort();
}

void rules_forget(void) { known_count = 0; }

void rules_start(void) {
    known_count = relays = 0;
    memset(&answered, 0, sizeof answered);
    given_to = 0;
}

/* --- verdicts ---------------------------------------------------------------------------------------- */

static void forget(const gate_key *key) {
    for (unsigned i = 0; i < known_count; i++)
        if (!memcmp(&known[i].key, key, sizeof *key))
            known[i--] = known[--known_count];
}

void rules_put(const gate_key *key, const gate_verdict *verdict) {
    if (gate_put(&the_gate, key, verdict) < 0)
        return;
    forget(key);
    relays += key->family != 0;
    must(known_count < sizeof known / sizeof *known, "the table takes more than it has room for");
    known[known_count].key = *key;
    known[known_count].state = verdict->state;
    known[known_count++].until_s = verdict->lasting_s ? the_gate.now_s + verdict->lasting_s : 0;
}

void rules_remove(const gate_key *key) {
    gate_remove(&the_gate, key);
    forget(key);
}

/* Is this device stopped, whatever its address?  Where relays are known, the address counts too: not asked. */
static int is_stopped(const uint8_t *mac) {
    for (unsigned i = 0; i < known_count && !relays; i++)
        if (!memcmp(known[i].key.mac, mac, 6) && known[i].state >= GATE_QUARANTINED &&
            (!known[i].until_s || (int32_t)(the_gate.now_s - known[i].until_s) < 0))
            return 1;
    return 0;
}

/* --- frames --------------------------------------------------------------------------------------------- */

typedef struct { const uint8_t *ip, *tcp; unsigned family, payload; } segment;

/* Read an unfragmented TCP segment without surprises: 0 for whatever else. */
static int read_segment(segment *s, const uint8_t *frame, unsigned size) {
    unsigned at, whole, next;
    if (size < ETHERNET + 40)
        return 0;
    s->ip = frame + ETHERNET;
    s->family = s->ip[0] >> 4;
    if (s->family == 4 && get16(frame + 12) == 0x0800) {
        at = (s->ip[0] & 15u) * 4;
        whole = get16(s->ip + 2);
        next = get16(s->ip + 6) & 0x3fff ? 0 : s->ip[9];
    } else if (s->family == 6 && get16(frame + 12) == 0x86dd) {
        at = 40;
        whole = 40 + get16(s->ip + 4);
        next = s->ip[6];
        while ((next == 0 || next == 60) && at + 8 <= whole && ETHERNET + at + 8 <= size) {
            next = s->ip[at];
            at += 8 + s->ip[at + 1] * 8u;
        }
    } else {
        return 0;
    }
    if (next != 6 || at < 20 || at + 20 > whole || ETHERNET + whole > size)
        return 0;
    s->tcp = s->ip + at;
    if ((s->tcp[12] >> 4) * 4u < 20 || at + (s->tcp[12] >> 4) * 4u > whole)
        return 0;
    s->payload = whole - at - (s->tcp[12] >> 4) * 4u;
    return 1;
}

static unsigned addresses_at(const segment *s) { return s->family == 6 ? 8 : 12; }
static unsigned address_bytes(const segment *s) { return s->family == 6 ? 16 : 4; }

void rules_begin(const struct netif *netif, const uint8_t *frame, unsigned size) {
    given_to = netif;
    given = frame;
    given_bytes = size;
}

void rules_end(void) { given_to = 0; }

/* A frame of the LAN that leaves by the WAN, as it was given but for its hop count. */
static void check_forwarded(const uint8_t *frame, unsigned size) {
    segment s;
    if (!the_gate.is_on || !read_segment(&s, frame, size) || get16(s.tcp + 2) != 25)
        return;
    if (given_bytes < size || memcmp(given + ETHERNET + 12, frame + ETHERNET + 12, 8))
        return; /* lwIP's own, or one that waited for its neighbour */
    if (is_stopped(given + 6))
        must((s.tcp[13] & 0x12) != SYN && !s.payload, "mail of a device that was stopped has left the house");
}

/* What goes back by the interface that a mail packet has just come from: the gate's answer. */
static void check_answer(const uint8_t *frame, unsigned size) {
    segment asked, said;
    if (!read_segment(&said, frame, size) || get16(said.tcp) != 25 || !read_segment(&asked, given, given_bytes))
        return;
    if (get16(asked.tcp + 2) != 25 || asked.family != said.family)
        return;
    unsigned at = addresses_at(&said), bytes = address_bytes(&said);
    if (memcmp(said.ip + at, asked.ip + at + bytes, bytes) || !memcmp(said.ip + at, netif_ip4_addr(given_to), bytes))
        return; /* lwIP's own */
    must(size <= GATE_FRAME_BYTES, "an answer is longer than its buffer");
    must(checksums_hold(frame, size), "an answer has a wrong checksum");
    must(!memcmp(frame, given + 6, 6), "an answer goes to somebody else's MAC");
    must(!memcmp(said.ip + at + bytes, asked.ip + at, bytes), "an answer goes to somebody else's address");
    must(get16(said.tcp + 2) == get16(asked.tcp), "an answer goes to another port");
    answered.seq = get32(said.tcp + 4) + said.payload + (said.tcp[13] & SYN ? 1 : 0) + (said.tcp[13] & FIN ? 1 : 0);
    answered.ack = get32(said.tcp + 8);
    answered.client_port = get16(asked.tcp);
    answered.device = asked.ip[at + bytes - 1];
    answered.server = asked.ip[at + 2 * bytes - 1];
    answered.family = said.family;
}

void rules_sent(const struct netif *netif, const struct pbuf *p) {
    static uint8_t frame[FRAME_BYTES];
    unsigned size = pbuf_copy_partial(p, frame, sizeof frame, 0);
    must(size >= ETHERNET && size == p->tot_len, "a frame of no size");
    if (!given_to || given_to == &wan)
        return;
    if (netif == &wan)
        check_forwarded(frame, size);
    else if (netif == given_to)
        check_answer(frame, size);
}

void rules_answer_to(packet *p) {
    if (!answered.client_port)
        return;
    p->family = answered.family;
    p->device = answered.device;
    p->server = answered.server;
    p->port = 25;
    p->protocol = 6;
    p->client_port = answered.client_port;
    p->seq = answered.ack;
    p->ack = answered.seq;
}

/* --- records and books -------------------------------------------------------------------------------------- */

void rules_read(unsigned size) {
    static uint8_t out[2048];
    uint32_t before = gate_waiting(&the_gate), bytes = gate_read(&the_gate, out, size), at = 0;
    must(bytes <= size && bytes <= before, "more was read than there is");
    while (at < bytes) {
        gate_record_head head;
        memcpy(&head, out + at, sizeof head);
        must(head.size % 4 == 0 && at + head.size <= bytes, "a record is not whole");
        must(head.frame <= GATE_SNAP_BYTES && sizeof head + head.frame <= head.size, "a record is too long");
        must(head.frame <= head.whole && head.frame >= ETHERNET + 20, "a record of another frame");
        must(head.direction <= GATE_IN && head.action <= GATE_ASK, "a record of nothing");
        at += head.size;
    }
    if (size >= sizeof(gate_record_head) + GATE_SNAP_BYTES)
        must(bytes || !gate_waiting(&the_gate), "a record cannot be read");
}

void rules_finish(void) {
    unsigned held[256] = { 0 };
    while (gate_waiting(&the_gate))
        rules_read(2048);
    for (unsigned i = 0; i < GATE_FLOWS; i++)
        if (the_gate.flows[i])
            held[the_gate.flows[i] >> 10 & 0xff]++;
    for (unsigned owner = 0; owner < 256; owner++)
        must(held[owner] == the_gate.flows_of[owner] && held[owner] <= GATE_FLOWS_A_DEVICE, "the flows do not add up");
}
