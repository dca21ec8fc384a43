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

static const char digits[] = "0123456789ABCDEF";

/* Seldom run, so small rather than fast: in network order, `size` bytes. */
static void put(uint8_t *at, uint32_t value, uint32_t size) {
    for (at += size; size; size--, value >>= 8) *--at = (uint8_t)value;
}

int gate_texts_set(gate_texts *texts, enum gate_text which, const char *text, uint32_t size) {
    uint32_t room = which <= GATE_TEXT_NEVER ? GATE_BANNER_BYTES : GATE_LINE_BYTES;
    if (size > room) return -1;
    memcpy(which <= GATE_TEXT_NEVER ? texts->banner[which] : texts->line[which - GATE_TEXT_SORRY], text, size);
    texts->size[which] = (uint8_t)size;
    return 0;
}

/* --- frames ------------------------------------------------------------------------------------------ */

/* The Internet checksum (RFC 1071), of an even number of bytes or of the last ones. */
static uint32_t add_up(const uint8_t *at, uint32_t size, uint32_t sum) {
    for (; size > 1; size -= 2, at += 2) sum += gate_get16(at);
    return size ? sum + ((uint32_t)*at << 8) : sum;
}

static uint32_t fold(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static const uint8_t head4[20] = {0x45, [8] = 64, 6}, head6[40] = {0x60, [6] = 6, 64};

static uint32_t head_bytes(const gate_packet *p) { return p->source_at + 2u * p->address_bytes; }

/* A frame back to the sender, around `size` bytes of text that are in their place already (see text_at). */
static uint32_t compose(const gate_packet *p, const uint8_t *own_mac, uint8_t *frame, uint32_t seq, uint32_t ack,
                        uint32_t flags, uint32_t size) {
    uint32_t bytes = p->address_bytes, at = p->source_at, head = head_bytes(p), whole = TCP_HEAD + size;
    uint8_t *ip = frame + GATE_ETHERNET, *tcp = ip + head;
    memcpy(frame, p->mac, 6);
    memcpy(frame + 6, own_mac, 6);
    put(frame + 12, p->family == 4 ? 0x0800 : 0x86dd, 2);
    memcpy(ip, p->family == 4 ? head4 : head6, head);
    put(ip + (p->family == 4 ? 2 : 4), p->family == 4 ? head + whole : whole, 2);
    memcpy(ip + at, p->ip + at + bytes, bytes);
    memcpy(ip + at + bytes, p->ip + at, bytes);
    if (p->family == 4) put(ip + 10, fold(add_up(ip, head, 0)), 2);
    put(tcp, (uint32_t)p->target_port << 16 | p->source_port, 4);
    put(tcp + 4, seq, 4);
    put(tcp + 8, ack, 4);
    put(tcp + 12, 0x5000 | flags, 2);
    put(tcp + 14, flags & RST ? 0 : (uint32_t)WINDOW << 16, 4); /* and no checksum yet */
    put(tcp + 18, 0, 2);
    put(tcp + 16, fold(add_up(tcp, whole, add_up(ip + at, 2 * bytes, 6 + whole))), 2);
    return GATE_ETHERNET + head + whole;
}

static uint8_t *text_at(const gate_packet *p, uint8_t *frame) {
    return frame + GATE_ETHERNET + head_bytes(p) + TCP_HEAD;
}

/* --- what the client's segment says -------------------------------------------------------------------- */

static uint32_t seq_of(const gate_packet *p) { return gate_get32(p->ip + p->at + 4); }
static uint32_t ack_of(const gate_packet *p) { return gate_get32(p->ip + p->at + 8); }

/* What we acknowledge with it: its bytes, its SYN and its FIN. */
static uint32_t behind(const gate_packet *p) {
    return seq_of(p) + p->payload + (p->flags & FIN ? 1 : 0) + (p->flags & SYN ? 1 : 0);
}

static uint32_t lines_in(const gate_packet *p) {
    const uint8_t *at = p->ip + p->payload_at, *end = p->ip + p->here;
    uint32_t count = 0;
    for (; at < end; at++) count += *at == '\n';
    return count < MOST_LINES ? count : MOST_LINES;
}

static int says_quit(const gate_packet *p) {
    const uint8_t *at = p->ip + p->payload_at, *end = p->ip + p->here;
    int is_start = 1;
    for (; at + 4 <= end; at++) {
        if (is_start && (gate_get32(at) | 0x20202020) == 0x71756974) return 1; /* "quit" */
        is_start = *at == '\n';
    }
    return 0;
}

/* --- the connection -------------------------------------------------------------------------------------- */

static uint32_t cookie(const gate *g, const gate_packet *p, enum gate_action refusal) {
    uint32_t size = p->address_bytes;
    const uint8_t *from = p->ip + p->source_at;
    return gate_hash(g, (uint32_t)refusal << 16 | p->source_port, from, size, from + size, size);
}

uint32_t gate_reset(const gate_packet *p, const uint8_t *own_mac, uint8_t *frame) {
    if (p->flags & RST) return 0;
    if (p->flags & ACK) return compose(p, own_mac, frame, ack_of(p), 0, RST, 0);
    return compose(p, own_mac, frame, 0, behind(p), RST | ACK, 0);
}

uint32_t gate_greet(const gate *g, const gate_packet *p, enum gate_action refusal, const uint8_t *own_mac, uint8_t *frame) {
    return compose(p, own_mac, frame, cookie(g, p, refusal), seq_of(p) + 1, SYN | ACK, 0);
}

static uint32_t write_banner(const gate_texts *texts, enum gate_text which, uint32_t ticket, uint8_t *to) {
    uint32_t size = texts->size[which], at, shift = 24;
    memcpy(to, texts->banner[which], size);
    for (at = 0; at < size && shift; at++)
        if (to[at] == '#') to[at] = (uint8_t)digits[ticket >> (shift -= 4) & 15];
    return size;
}

/* 421: all is said at once.  `heard`: bytes of it that the client has acknowledged. */
static uint32_t later(const gate_texts *texts, const gate_packet *p, uint32_t ticket, const uint8_t *own_mac,
                      uint8_t *frame, uint32_t heard) {
    uint32_t seq = ack_of(p), flags = ACK, size = 0;
    if (!heard) {
        size = write_banner(texts, GATE_TEXT_LATER, ticket, text_at(p, frame));
        flags = FIN | PSH | ACK;
    } else {
        if (!p->payload && !(p->flags & FIN)) return 0;
        seq += texts->size[GATE_TEXT_LATER] + 1u - heard;
    }
    return compose(p, own_mac, frame, seq, behind(p), flags, size);
}

/* 554: the banner, and then an answer to each line. */
static uint32_t never(const gate_texts *texts, const gate_packet *p, uint32_t ticket, const uint8_t *own_mac,
                      uint8_t *frame, uint32_t heard) {
    uint32_t sorry = texts->size[GATE_TEXT_SORRY], size = 0, count, flags = PSH | ACK, ack = behind(p);
    uint8_t *text = text_at(p, frame);
    if (!heard) { /* what came before it heard us is not acknowledged, and comes again */
        size = write_banner(texts, GATE_TEXT_NEVER, ticket, text);
        ack = seq_of(p);
    } else if (p->flags & FIN) {
        flags = FIN | ACK;
    } else if (!p->payload) {
        return 0;
    } else if (says_quit(p)) {
        memcpy(text, texts->line[1], size = texts->size[GATE_TEXT_BYE]);
        flags |= FIN;
    } else {
        for (count = lines_in(p); count && size + sorry <= GATE_BANNER_BYTES; count--, size += sorry)
            memcpy(text + size, texts->line[0], sorry);
    }
    return compose(p, own_mac, frame, ack_of(p), ack, flags, size);
}

uint32_t gate_go_on(const gate *g, const gate_texts *texts, const gate_packet *p, uint32_t ticket, const uint8_t *own_mac,
                    uint8_t *frame, int *is_ours) {
    uint32_t heard = ack_of(p) - cookie(g, p, GATE_LATER) - 1;
    *is_ours = 1;
    if (!(p->flags & ACK) || p->flags & SYN) {
        *is_ours = 0;
    } else if (heard <= texts->size[GATE_TEXT_LATER] + 1u) {
        return p->flags & RST ? 0 : later(texts, p, ticket, own_mac, frame, heard);
    } else if ((heard = ack_of(p) - cookie(g, p, GATE_NEVER) - 1) <= MOST_SAID) {
        return p->flags & RST ? 0 : never(texts, p, ticket, own_mac, frame, heard);
    } else {
        *is_ours = 0;
    }
    return 0;
}
