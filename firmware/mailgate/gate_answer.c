/* SMTP refusals without a connection table: all that is known of one is in its sequence numbers.
 *
 * Our first sequence number is a hash of the connection's ends and of what it is told (a SYN cookie, RFC 4987 3.6), so
 * what the client acknowledges says how much it has heard.  421: banner and FIN together (RFC 5321 3.8).  554: the
 * banner, then 503 to every line until QUIT gets 221 and FIN (3.1).  Whatever is lost is sent again when the client
 * sends again; only a banner that is lost behind the last of a handshake leaves the client to its own patience.
 * Of a connection that is none of ours one in a million would be taken for one (two hashes, 4 KB of 2^32).
 */
#include "gate_answer.h"

#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define TCP_HEAD 20
#define WINDOW 2048
#define MOST_SAID 4096 /* to one client */
#define MOST_LINES 4   /* answered in one segment */

static const uint16_t places[GATE_TEXTS + 1] = { /* of the texts */
    0, GATE_BANNER_BYTES, 2 * GATE_BANNER_BYTES, 2 * GATE_BANNER_BYTES + GATE_LINE_BYTES,
    2 * GATE_BANNER_BYTES + 2 * GATE_LINE_BYTES,
};

int gate_texts_set(gate_texts *texts, enum gate_text which, const char *text, uint32_t size) {
    if (size > (uint32_t)(places[which + 1] - places[which])) return -1;
    memcpy(texts->text + places[which], text, size);
    texts->size[which] = (uint8_t)size;
    return 0;
}

/* --- frames ------------------------------------------------------------------------------------------ */

/* In network order, `size` bytes; what is behind them. */
static uint8_t *put(uint8_t *at, uint32_t value, uint32_t size) {
    while (size) *at++ = (uint8_t)(value >> --size * 8);
    return at;
}

/* The Internet checksum (RFC 1071) of an even number of bytes, and of what is summed up already. */
static uint32_t checksum(const uint8_t *at, uint32_t size, uint32_t sum) {
    const uint8_t *end = at + size;
    for (; at < end; at += 2) sum += gate_get16(at);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* From Ethernet's type on. */
static const uint8_t head4[22] = {0x08, 0x00, 0x45, [10] = 64, 6}, head6[42] = {0x86, 0xdd, 0x60, [8] = 6, 64};

static void put_ip(const gate_packet *p, uint8_t *ip, uint32_t head, uint32_t segment) {
    const uint8_t *source = p->ip + p->source_at;
    uint32_t bytes = p->address_bytes;
    memcpy(ip - 2, p->family == 4 ? head4 : head6, head + 2);
    memcpy(ip + p->source_at, source + bytes, bytes);
    memcpy(ip + p->source_at + bytes, source, bytes);
    if (p->family == 4) {
        put(ip + 2, head + segment, 2);
        put(ip + 10, checksum(ip, head, 0), 2);
    } else {
        put(ip + 4, segment, 2);
    }
}

static void compose(gate_reply *reply, const gate_packet *p) {
    uint32_t addresses = 2 * p->address_bytes, head = p->source_at + addresses, segment = TCP_HEAD + reply->said;
    uint8_t *tcp = reply->bytes + GATE_TEXT_AT - TCP_HEAD, *at;
    reply->frame = tcp - head - GATE_ETHERNET;
    reply->size = GATE_ETHERNET + head + segment;
    memcpy(reply->frame, p->mac, 6);
    put_ip(p, tcp - head, head, segment);
    at = put(tcp, p->target_port << 16 | p->source_port, 4);
    at = put(at, reply->seq, 4);
    at = put(at, reply->ack, 4);
    at = put(at, (0x5000 | reply->flags) << 16 | (reply->flags & RST ? 0 : WINDOW), 4);
    put(at, 0, 4);
    tcp[segment] = 0; /* to be added up where the number of bytes is odd */
    put(at, checksum(tcp - addresses, (addresses + segment + 1) & ~1u, 6 + segment), 2);
}

/* --- what the client's segment says -------------------------------------------------------------------- */

static uint32_t seq_of(const gate_packet *p) { return gate_get32(p->ip + p->at + 4); }
static uint32_t ack_of(const gate_packet *p) { return gate_get32(p->ip + p->at + 8); }

/* What we acknowledge with it: its bytes, its SYN and its FIN. */
static uint32_t behind(const gate_packet *p) {
    return seq_of(p) + p->payload + (p->flags & FIN) + (p->flags >> 1 & 1);
}

/* How many lines it has, and whether one of them begins with QUIT. */
static uint32_t lines_in(const gate_packet *p, int *is_quit) {
    const uint8_t *at = p->ip + p->payload_at, *end = p->ip + p->here;
    uint32_t count = 0;
    int is_start = 1;
    *is_quit = 0;
    for (; at < end; at++) {
        if (is_start && at + 4 <= end && (gate_get32(at) | 0x20202020) == 0x71756974) *is_quit = 1; /* "quit" */
        is_start = *at == '\n';
        count += is_start;
    }
    return count;
}

/* --- the connection -------------------------------------------------------------------------------------- */

static uint32_t cookie(const gate *g, const gate_packet *p, enum gate_action refusal) {
    return gate_ends(g, p, (uint32_t)refusal << 16 | p->source_port);
}

void gate_reset(gate_reply *reply, const gate_packet *p) {
    reply->size = reply->said = 0;
    if (p->flags & RST) return;
    reply->flags = p->flags & ACK ? RST : RST | ACK;
    reply->seq = p->flags & ACK ? ack_of(p) : 0;
    reply->ack = p->flags & ACK ? 0 : behind(p);
    compose(reply, p);
}

static void say(gate_reply *reply, const gate_texts *texts, enum gate_text which) {
    memcpy(reply->bytes + GATE_TEXT_AT + reply->said, texts->text + places[which], texts->size[which]);
    reply->said += texts->size[which];
}

static void say_banner(gate_reply *reply, const gate_texts *texts, enum gate_text which, uint32_t ticket) {
    uint8_t *at = reply->bytes + GATE_TEXT_AT, *end;
    uint32_t shift = 24, digit;
    say(reply, texts, which);
    for (end = at + reply->said; at < end && shift; at++) {
        if (*at != '#') continue;
        digit = ticket >> (shift -= 4) & 15;
        *at = (uint8_t)(digit < 10 ? '0' + digit : 'A' - 10 + digit);
    }
}

/* 421: all is said at once.  `heard`: bytes of it that the client has acknowledged.  0: nothing is to be said. */
static int later(gate_reply *reply, const gate_texts *texts, const gate_packet *p, uint32_t ticket, uint32_t heard) {
    if (!heard) {
        say_banner(reply, texts, GATE_TEXT_LATER, ticket);
        reply->flags = FIN | PSH | ACK;
        return 1;
    }
    reply->flags = ACK;
    reply->seq += texts->size[GATE_TEXT_LATER] + 1u - heard;
    return p->payload || p->flags & FIN;
}

/* 554: the banner, and then an answer to each line. */
static int never(gate_reply *reply, const gate_texts *texts, const gate_packet *p, uint32_t ticket, uint32_t heard) {
    int is_quit;
    uint32_t count = lines_in(p, &is_quit);
    reply->flags = PSH | ACK;
    if (!heard) { /* what came before it heard us is not acknowledged, and comes again */
        say_banner(reply, texts, GATE_TEXT_NEVER, ticket);
        reply->ack = seq_of(p);
    } else if (p->flags & FIN) {
        reply->flags = FIN | ACK;
    } else if (is_quit) {
        say(reply, texts, GATE_TEXT_BYE);
        reply->flags |= FIN;
    } else {
        if (count > MOST_LINES) count = MOST_LINES;
        for (; count && reply->said + texts->size[GATE_TEXT_SORRY] <= GATE_BANNER_BYTES; count--)
            say(reply, texts, GATE_TEXT_SORRY);
        return p->payload != 0;
    }
    return 1;
}

/* Go on with a connection that was refused; 0: it was not. */
static int go_on(gate_reply *reply, const gate *g, const gate_texts *texts, const gate_packet *p, uint32_t ticket) {
    uint32_t heard;
    int is_said;
    if ((p->flags & (SYN | ACK)) != ACK) return 0;
    reply->seq = ack_of(p);
    reply->ack = behind(p);
    heard = reply->seq - cookie(g, p, GATE_LATER) - 1;
    if (heard <= texts->size[GATE_TEXT_LATER] + 1u) {
        is_said = later(reply, texts, p, ticket, heard);
    } else {
        heard = reply->seq - cookie(g, p, GATE_NEVER) - 1;
        if (heard > MOST_SAID) return 0;
        is_said = never(reply, texts, p, ticket, heard);
    }
    if (is_said && !(p->flags & RST)) compose(reply, p);
    return 1;
}

int gate_answer(gate_reply *reply, const gate *g, const gate_texts *texts, const gate_packet *p,
                enum gate_action action, uint32_t ticket) {
    int is_refusal = action == GATE_LATER || action == GATE_NEVER;
    reply->size = reply->said = 0;
    if (is_refusal && texts->size[action - GATE_LATER]) {
        reply->seq = cookie(g, p, action);
        reply->ack = seq_of(p) + 1;
        reply->flags = SYN | ACK;
        compose(reply, p);
        return 1;
    }
    if (!is_refusal && go_on(reply, g, texts, p, ticket)) return 1;
    if (action != GATE_ASK) gate_reset(reply, p);
    return is_refusal;
}
