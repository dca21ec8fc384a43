/* May this packet of a mail connection pass?  The states of DESIGN, for one packet at a time.
 *
 * A throttled device has a bucket that control empties at the verdict and that holds one connection when it has filled
 * again; each connection pays for one MAIL command, so that many messages over one connection are held as well.
 */
#include <string.h>

#include "gate_inside.h"
#include "gate_shared.h"

#define A_CONNECTION 60000u /* of a bucket's credit: milliseconds times connections a minute */

static uint32_t state_of(const gate_device *d) { return d->words[GATE_HIGH] >> GATE_STATE_SHIFT; }

/* Who it is behind a relay counts for more than through whom it speaks.  Never NULL. */
static gate_device *look_up(gate *g, const gate_packet *p, uint32_t low, uint32_t high) {
    uint32_t address = gate_hash(g, p->family, p->ip + p->source_at, p->address_bytes);
    gate_device *d = g->device, *nobody = d + GATE_DEVICES, *found = nobody;
    if (!low && !high) return nobody; /* as free places look */
    for (; d < nobody; d++) {
        uint32_t family = d->words[GATE_HIGH] >> GATE_FAMILY_SHIFT & 0xff;
        if (d->words[GATE_LOW] != low || (d->words[GATE_HIGH] & 0xffff) != high) continue;
        if (gate_is_over(d->words, g->now_s)) continue;
        if (family == p->family && d->words[GATE_ADDRESS] == address) return d;
        if (!family && found == nobody) found = d;
    }
    return found;
}

/* Return the device, from the memory of look-ups where that has it. */
static gate_device *device_of(gate *g, const gate_packet *p) {
    uint32_t low, high = gate_get16(p->mac + 4);
    gate_found *found = &g->found[high % GATE_FOUND];
    gate_device *d = found->device;
    memcpy(&low, p->mac, sizeof low);
    if (d && found->low == low && (found->high & 0xffff) == high && !gate_is_over(d->words, g->now_s)) return d;
    d = look_up(g, p, low, high);
    if (g->behind) return d;
    found->device = d;
    found->low = low;
    found->high = high | (state_of(d) <= GATE_GRANTED ? GATE_FREE : GATE_SUSPECT);
    return d;
}

static int has_past(gate *g, const gate_packet *p) {
    uint32_t kind = gate_hash(g, p->family, p->mac, 6), size = p->address_bytes;
    return gate_among(g->pasts, GATE_PASTS, gate_hash(g, kind, p->ip + p->source_at + size, size)) != 0;
}

/* Bytes for the server: whether there are any behind a first fragment is not seen. */
static int has_words(const gate_packet *p) { return p->payload || p->is_part; }

static uint32_t connection(const gate *g, const gate_packet *p) {
    return gate_ends(g, p, p->source_port << 8 | p->family);
}

/* What tells this segment from any other, of any connection. */
static uint32_t mark(const gate *g, const gate_packet *p) { return connection(g, p) ^ gate_get32(p->ip + p->at + 4); }

/* The word that says this connection is to be ended, or NULL. */
static uint32_t *end_of(gate *g, const gate_packet *p) { return gate_among(g->ended, GATE_ENDED, connection(g, p)); }

static int is_ended(gate *g, const gate_packet *p) {
    return (int32_t)(g->now_s - GATE_PEEK(g->ended_s)) < 0 && end_of(g, p);
}

/* A new connection with the ends of one that was ended, also long ago: another end told would count for it, too.
 * Control may be writing another there: that one is then not ended. */
static void forget_end(gate *g, const gate_packet *p) {
    uint32_t *end = end_of(g, p);
    if (end) GATE_STORE(*end, 0);
}

/* --- the pace of any device ------------------------------------------------------------------------ */

static int has_pace(gate *g, const gate_packet *p) {
    gate_pace *pace = &g->pace[gate_hash(g, 1, p->mac, 6) % GATE_PACES];
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
    if (!p->is_opening) return g->unpaced_s ? GATE_ASK : GATE_PASS;
    is_new = strict_s && (int32_t)(strict_s - g->now_s) > 0 && !(d->words[GATE_TICKET] & GATE_SETTLED);
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
    if (!refill_s || (d->words[GATE_DRAINED] && (int32_t)(g->now_s - d->words[GATE_DRAINED]) < 0)) return 0;
    d->words[GATE_DRAINED] = g->now_s + refill_s;
    d->syn = syn;
    d->port = (uint16_t)p->source_port;
    d->is_admitted = d->mails = 1;
    return 1;
}

/* Behind the word, or as much of it as the segment has; NULL: it is another.  Upper or lower case: bits that tell a
 * letter's case tell little of anything else. */
static const uint8_t *behind_word(const uint8_t *at, const uint8_t *end, const char *word) {
    for (; *word && at < end; word++, at++)
        if ((*at ^ *word) & 0xdf) return 0;
    return at;
}

static const uint8_t *behind_blanks(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    return at;
}

/* "MAIL FROM:", or as much of it behind MAIL as the segment has: a line of text that begins with "mail" is none. */
static int is_mail(const uint8_t *at, const uint8_t *end) {
    if (end - at < 4 || !(at = behind_word(at, end, "MAIL"))) return 0;
    at = behind_word(behind_blanks(at, end), end, "FROM");
    if (!at) return 0;
    at = behind_blanks(at, end);
    return at == end || *at == ':';
}

static int is_mail_behind(const uint8_t *at, const uint8_t *end, const char *word) {
    at = behind_word(at, end, word);
    return at && is_mail(at, end);
}

/* Does a message begin in this segment?  At its start, also behind RSET, NOOP or the end of another message. */
static int begins_message(const gate_packet *p) {
    const uint8_t *start = p->ip + p->payload_at, *end = p->ip + p->here, *at = start;
    if (is_mail(at, end) || is_mail_behind(at, end, "RSET\r\n") || is_mail_behind(at, end, "NOOP\r\n")) return 1;
    while ((at = memchr(at, '.', (size_t)(end - at))) != 0) {
        int is_line = at == start || (at - start >= 2 && at[-1] == '\n' && at[-2] == '\r');
        if (is_line && is_mail_behind(at, end, ".\r\n")) return 1;
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
    if (p->is_opening) return may_connect(g, d, p) ? GATE_PASS : GATE_LATER;
    if (p->source_port == d->port) d->is_admitted = 0; /* who has heard the server sends no SYN again */
    if (p->is_part) return GATE_RESET;
    if (p->payload && p->payload_at < p->here && begins_message(p) && !is_paid_for(g, d, p)) return GATE_RESET;
    return GATE_ASK;
}

/* --- all ------------------------------------------------------------------------------------------------ */

static enum gate_action judge_stopped(uint32_t state, const gate_packet *p) {
    if (p->is_opening) return state == GATE_CONFIRMED ? GATE_NEVER : GATE_LATER;
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
    state = state_of(d);
    *ticket = d->words[GATE_TICKET] & 0xffffff;
    if (state == GATE_QUARANTINED || state == GATE_CONFIRMED) return judge_stopped(state, p);
    if (has_words(p) && !p->is_opening && is_ended(g, p)) return GATE_RESET;
    action = judge_open(g, d, state, p);
    if (action == GATE_PASS && p->is_opening) forget_end(g, p);
    return action;
}
