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

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
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

/* Ethernet and IP headers of a frame back to the sender; returns where TCP begins. */
static uint32_t address(const gate_packet *p, const uint8_t *own_mac, uint8_t *frame, uint32_t size) {
    uint8_t *ip = frame + GATE_ETHERNET;
    memcpy(frame, p->mac, 6);
    memcpy(frame + 6, own_mac, 6);
    put16(frame + 12, p->family == 4 ? 0x0800 : 0x86dd);
    memset(ip, 0, p->family == 4 ? 20 : 40);
    if (p->family == 4) {
        ip[0] = 0x45;
        put16(ip + 2, 20 + TCP_HEAD + size);
        ip[8] = 64;
        ip[9] = 6;
        memcpy(ip + 12, p->ip + 16, 4);
        memcpy(ip + 16, p->ip + 12, 4);
        put16(ip + 10, fold(add_up(ip, 20, 0)));
        return GATE_ETHERNET + 20;
    }
    ip[0] = 0x60;
    put16(ip + 4, TCP_HEAD + size);
    ip[6] = 6;
    ip[7] = 64;
    memcpy(ip + 8, p->ip + 24, 16);
    memcpy(ip + 24, p->ip + 8, 16);
    return GATE_ETHERNET + 40;
}

/* The text is in the frame's place for it already (see text_at). */
static uint32_t compose(const gate_packet *p, const uint8_t *own_mac, uint8_t *frame, uint32_t seq, uint32_t ack,
                        uint32_t flags, uint32_t size) {
    uint32_t at = address(p, own_mac, frame, size), sum;
    uint8_t *tcp = frame + at;
    memset(tcp, 0, TCP_HEAD);
    put16(tcp, p->target_port);
    put16(tcp + 2, p->source_port);
    put32(tcp + 4, seq);
    put32(tcp + 8, ack);
    tcp[12] = 0x50;
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, flags & RST ? 0 : WINDOW);
    sum = p->family == 4 ? add_up(frame + GATE_ETHERNET + 12, 8, 0) : add_up(frame + GATE_ETHERNET + 8, 32, 0);
    put16(tcp + 16, fold(add_up(tcp, TCP_HEAD + size, sum + 6 + TCP_HEAD + size)));
    return at + TCP_HEAD + size;
}

static uint8_t *text_at(const gate_packet *p, uint8_t *frame) {
    return frame + GATE_ETHERNET + (p->family == 4 ? 20 : 40) + TCP_HEAD;
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
        if (is_start && (at[0] | 32) == 'q' && (at[1] | 32) == 'u' && (at[2] | 32) == 'i' && (at[3] | 32) == 't') return 1;
        is_start = *at == '\n';
    }
    return 0;
}

/* --- the connection -------------------------------------------------------------------------------------- */

static uint32_t cookie(const gate *g, const gate_packet *p, enum gate_action refusal) {
    uint32_t size = p->family == 4 ? 4 : 16, from = p->family == 4 ? 12 : 8;
    return gate_hash(g, (uint32_t)refusal << 16 | p->source_port, p->ip + from, size, p->ip + from + size, size);
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
    uint32_t said = texts->size[GATE_TEXT_LATER] + 1u, seq = ack_of(p) - heard;
    if (!heard) {
        uint32_t size = write_banner(texts, GATE_TEXT_LATER, ticket, text_at(p, frame));
        return compose(p, own_mac, frame, seq, behind(p), FIN | PSH | ACK, size);
    }
    return p->payload || p->flags & FIN ? compose(p, own_mac, frame, seq + said, behind(p), ACK, 0) : 0;
}

/* 554: the banner, and then an answer to each line. */
static uint32_t never(const gate_texts *texts, const gate_packet *p, uint32_t ticket, const uint8_t *own_mac,
                      uint8_t *frame, uint32_t heard) {
    uint32_t sorry = texts->size[GATE_TEXT_SORRY], size = 0, count, flags = PSH | ACK;
    uint8_t *text = text_at(p, frame);
    if (!heard) { /* what came before it heard us is not acknowledged, and comes again */
        size = write_banner(texts, GATE_TEXT_NEVER, ticket, text);
        return compose(p, own_mac, frame, ack_of(p), seq_of(p), flags, size);
    }
    if (p->flags & FIN) return compose(p, own_mac, frame, ack_of(p), behind(p), FIN | ACK, 0);
    if (!p->payload) return 0;
    if (says_quit(p)) {
        memcpy(text, texts->line[1], size = texts->size[GATE_TEXT_BYE]);
        flags |= FIN;
    } else {
        for (count = lines_in(p); count && size + sorry <= GATE_BANNER_BYTES; count--, size += sorry)
            memcpy(text + size, texts->line[0], sorry);
    }
    return compose(p, own_mac, frame, ack_of(p), behind(p), flags, size);
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
