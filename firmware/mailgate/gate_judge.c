/* May this packet of a mail connection pass?  The states of DESIGN, for one packet at a time.
 *
 * A throttled device has a bucket that control empties at the verdict and that holds one connection when it has filled
 * again; each connection pays for one MAIL command, so that many messages over one connection are held as well.
 */
#include <string.h>

#include "gate_inside.h"
#include "gate_shared.h"

#define SYN_OR_ACK 0x12
#define SYN 0x02
#define SETTLED (1u << 24)
#define A_CONNECTION 60000u /* of a bucket's credit: milliseconds times connections a minute */

static int is_syn(const gate_packet *p) { return (p->flags & SYN_OR_ACK) == SYN; }
static const uint8_t *source(const gate_packet *p) { return p->ip + p->source_at; }
static const uint8_t *target(const gate_packet *p) { return source(p) + p->address_bytes; }

static int is_over(const gate_device *d, uint32_t now_s) { return d->until_s && (int32_t)(now_s - d->until_s) >= 0; }

static int has_mac(const gate_device *d, uint32_t low, uint32_t high) { return d->low == low && (d->high & 0xffff) == high; }

/* Who it is behind a relay counts for more than through whom it speaks; without a packet it is nobody behind one. */
static gate_device *look_up(gate *g, const gate_packet *p, uint32_t low, uint32_t high) {
    uint32_t address = p ? gate_hash(g, p->family, source(p), p->address_bytes, 0, 0) : 0;
    gate_device *d = g->device, *found = 0;
    for (; d < g->device + GATE_DEVICES; d++) {
        uint32_t family = d->high >> 16 & 0xff;
        if (!has_mac(d, low, high) || is_over(d, g->now_s)) continue;
        if (family ? p && family == p->family && d->address == address : !found) found = d;
        if (found == d && family) break;
    }
    return found;
}

/* Return the device, from the memory of look-ups where that has it. */
static gate_device *by_mac(gate *g, const uint8_t *mac) {
    uint32_t low, high = gate_get16(mac + 4);
    gate_found *found = &g->found[high % GATE_FOUND];
    gate_device *d;
    memcpy(&low, mac, 4);
    if (!low && !high) return 0; /* as free places look */
    if (found->kind == GATE_UNKNOWN || found->low != low || found->high != high) {
        d = look_up(g, 0, low, high);
        found->low = low;
        found->high = (uint16_t)high;
        found->place = d ? (uint8_t)(d - g->device) : GATE_DEVICES;
        found->kind = !d || d->high >> 24 <= GATE_GRANTED ? GATE_FREE : GATE_SUSPECT;
    }
    if (found->place == GATE_DEVICES) return 0;
    d = &g->device[found->place];
    return is_over(d, g->now_s) ? 0 : d;
}

int gate_is_free_now(gate *g, const uint8_t *mac) {
    gate_device *d;
    if (g->behind || g->unpaced_s || GATE_PEEK(g->ended_next) || GATE_PEEK(g->changes) != g->taken) return 0;
    d = by_mac(g, mac);
    return !d || d->high >> 24 <= GATE_GRANTED;
}

static gate_device *device_of(gate *g, const gate_packet *p) {
    uint32_t low, high = gate_get16(p->mac + 4);
    if (!g->behind) return by_mac(g, p->mac);
    memcpy(&low, p->mac, 4);
    return low || high ? look_up(g, p, low, high) : 0;
}

static int is_among(const uint32_t *hashes, uint32_t count, uint32_t hash) {
    while (count--)
        if (GATE_PEEK(hashes[count]) == hash) return 1;
    return 0;
}

static int has_past(const gate *g, const gate_packet *p) {
    return is_among(g->pasts, GATE_PASTS, gate_hash(g, p->family, p->mac, 6, target(p), p->address_bytes));
}

/* Bytes for the server: whether there are any behind a first fragment is not seen. */
static int has_words(const gate_packet *p) { return p->payload || p->is_part; }

static uint32_t connection(const gate *g, const gate_packet *p) {
    uint32_t size = p->address_bytes;
    return gate_hash(g, (uint32_t)p->source_port << 8 | p->family, source(p), size, target(p), size);
}

/* What tells this segment from any other, of any connection. */
static uint32_t mark(const gate *g, const gate_packet *p) { return connection(g, p) ^ gate_get32(p->ip + p->at + 4); }

/* The word that says this connection is to be ended, or NULL. */
static uint32_t *end_of(gate *g, const gate_packet *p) {
    uint32_t hash, *at = g->ended;
    if (!GATE_PEEK(g->ended_next)) return 0;
    hash = connection(g, p);
    while (at < g->ended + GATE_ENDED && GATE_PEEK(*at) != hash) at++;
    return at < g->ended + GATE_ENDED ? at : 0;
}

/* A new connection with the ends of one that was ended.  Control may be writing another there: that one is then not ended. */
static void forget_end(gate *g, const gate_packet *p) {
    uint32_t *end = end_of(g, p);
    if (end) GATE_STORE(*end, 0);
}

/* --- the pace of any device ------------------------------------------------------------------------ */

static int has_pace(gate *g, const gate_packet *p) {
    gate_pace *pace = &g->pace[gate_hash(g, 1, p->mac, 6, 0, 0) % GATE_PACES];
    uint32_t per_minute = GATE_PEEK(g->per_minute), full = GATE_PEEK(g->burst) * A_CONNECTION;
    uint32_t passed_ms = g->clock_ms - pace->t_ms;
    if (!pace->t_ms || (per_minute && passed_ms >= (full - pace->credit) / per_minute)) pace->credit = full;
    else pace->credit += passed_ms * per_minute;
    pace->t_ms = g->clock_ms ? g->clock_ms : 1;
    if (pace->credit > full) pace->credit = full;
    if (pace->credit < A_CONNECTION) return 0;
    pace->credit -= A_CONNECTION;
    return 1;
}

static enum gate_action judge_normal(gate *g, const gate_device *d, const gate_packet *p) {
    uint32_t strict_s = GATE_PEEK(g->strict_s);
    int is_new, is_held;
    if (!is_syn(p)) return g->unpaced_s ? GATE_ASK : GATE_PASS;
    is_new = strict_s && (int32_t)(strict_s - g->now_s) > 0 && !(d && d->ticket & SETTLED);
    is_held = is_new || !has_pace(g, p);
    if (!is_held || has_past(g, p)) return GATE_PASS;
    g->unpaced_s = g->now_s;
    g->counts.unpaced++;
    return GATE_LATER;
}

/* --- a throttled device ------------------------------------------------------------------------------ */

static int may_connect(gate *g, gate_device *d, const gate_packet *p) {
    uint32_t syn = mark(g, p), refill_s = GATE_PEEK(g->refill_s);
    if (d->is_admitted && d->syn == syn) return 1; /* the SYN again */
    if (!refill_s || (d->drained_s && (int32_t)(g->now_s - d->drained_s) < 0)) return 0;
    d->drained_s = g->now_s + refill_s;
    d->syn = syn;
    d->port = p->source_port;
    d->is_admitted = d->mails = 1;
    return 1;
}

/* Upper or lower case; bits that tell a letter's case tell little of anything else. */
static int is_word(const uint8_t *at, const uint8_t *end, const char *word) {
    for (; *word; word++, at++)
        if (at >= end || (*at ^ *word) & 0xdf) return 0;
    return 1;
}

static const uint8_t *behind_blanks(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    return at;
}

/* "MAIL FROM:", or as much of it as the segment has: a line of text that begins with "mail" is none. */
static int is_mail(const uint8_t *at, const uint8_t *end) {
    const char *word = "FROM";
    if (!is_word(at, end, "MAIL")) return 0;
    for (at = behind_blanks(at + 4, end); *word && at < end; word++, at++)
        if ((*at ^ *word) & 0xdf) return 0;
    at = behind_blanks(at, end);
    return at == end || *at == ':';
}

/* Does a message begin in this segment?  At its start, also behind RSET, NOOP or the end of another message. */
static int begins_message(const gate_packet *p) {
    static const char openings[3][8] = {".\r\n", "RSET\r\n", "NOOP\r\n"};
    const uint8_t *start = p->ip + p->payload_at, *end = p->ip + p->here, *at = start;
    uint32_t i;
    if (is_mail(at, end)) return 1;
    for (i = 0; i < 3; i++)
        if (is_word(at, end, openings[i]) && is_mail(at + strlen(openings[i]), end)) return 1;
    while ((at = memchr(at, '.', (size_t)(end - at))) != 0) {
        if (at - start >= 2 && at[-1] == '\n' && at[-2] == '\r' && is_word(at, end, openings[0]) && is_mail(at + 3, end))
            return 1;
        at++;
    }
    return 0;
}

static int is_paid_for(const gate *g, gate_device *d, const gate_packet *p) {
    uint32_t mail = mark(g, p);
    if (d->mail == mail) return 1; /* the segment again */
    if (!d->mails) return 0;
    d->mails--;
    d->mail = mail;
    return 1;
}

static enum gate_action judge_throttled(gate *g, gate_device *d, const gate_packet *p) {
    if (has_past(g, p)) return GATE_PASS;
    if (is_syn(p)) return may_connect(g, d, p) ? GATE_PASS : GATE_LATER;
    if (p->source_port == d->port) d->is_admitted = 0; /* who has heard the server sends no SYN again */
    if (p->is_part) return GATE_RESET;
    if (p->payload && p->payload_at < p->here && begins_message(p) && !is_paid_for(g, d, p)) return GATE_RESET;
    return GATE_ASK;
}

/* --- all ------------------------------------------------------------------------------------------------ */

static enum gate_action judge_stopped(uint32_t state, const gate_packet *p) {
    if (is_syn(p)) return state == GATE_CONFIRMED ? GATE_NEVER : GATE_LATER;
    return has_words(p) ? GATE_RESET : GATE_ASK; /* a bare acknowledgement passes: a reply given is not taken back */
}

static enum gate_action judge_open(gate *g, gate_device *d, uint32_t state, const gate_packet *p) {
    if (state == GATE_GRANTED) return GATE_PASS;
    return state == GATE_THROTTLED ? judge_throttled(g, d, p) : judge_normal(g, d, p);
}

enum gate_action gate_judge(gate *g, const gate_packet *p, uint32_t *ticket) {
    enum gate_action action;
    gate_device *d;
    uint32_t state;
    *ticket = 0;
    if (!p->mac) return GATE_PASS;
    if (GATE_PEEK(g->changes) != g->taken) gate_take_over(g);
    d = device_of(g, p);
    state = d ? d->high >> 24 : GATE_NORMAL;
    if (d) *ticket = d->ticket & 0xffffff;
    if (state == GATE_QUARANTINED || state == GATE_CONFIRMED) return judge_stopped(state, p);
    if (has_words(p) && !is_syn(p) && end_of(g, p)) return GATE_RESET;
    action = judge_open(g, d, state, p);
    if (action == GATE_PASS && is_syn(p)) forget_end(g, p);
    return action;
}
