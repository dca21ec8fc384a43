/* What control says of devices and servers, and how the packet thread takes it over: neither waits for the other.
 *
 * An entry of `config` is a sequence lock: odd while it is written.  The packet thread takes over what is whole, and
 * comes back with the next mail packet for what is not.  Single words (pasts, ended, limits) need no lock.
 */
#include <string.h>

#include "gate_inside.h"
#include "gate_shared.h"

#define A_DRAIN (1u << 25) /* counted in the bits above the ticket */
#define DRAINS (~(A_DRAIN - 1))
#define KEY_BITS 0x00ffffffu /* of GATE_HIGH: the state is not part of the key */
#define ENDED_S 3600 /* no server waits so long for a command: RFC 5321 4.5.3.2.7 asks for five minutes */

uint32_t gate_get32(const uint8_t *p) { return gate_get16(p) << 16 | gate_get16(p + 2); }

uint32_t gate_hash(const gate *g, uint32_t kind, const uint8_t *at, uint32_t size) {
    uint32_t h = g->secret[0] ^ kind;
    const uint8_t *end = at + size;
    for (; at < end; at += 2) {
        h = (h ^ gate_get16(at)) * 0x9E3779B1u;
        h ^= h >> 15;
    }
    h = (h ^ g->secret[1]) * 0xC2B2AE3Du;
    h ^= h >> 16;
    return h ? h : 1;
}

uint32_t gate_ends(const gate *g, const gate_packet *p, uint32_t kind) {
    const uint8_t *source = p->ip + p->source_at;
    return gate_hash(g, gate_hash(g, kind, source, p->address_bytes), source + p->address_bytes, p->address_bytes);
}

uint32_t *gate_among(uint32_t *hashes, uint32_t count, uint32_t hash) {
    for (; count; count--, hashes++)
        if (GATE_PEEK(*hashes) == hash) return hashes;
    return 0;
}

void gate_init(gate *g, uint32_t secret_a, uint32_t secret_b) {
    memset(g, 0, sizeof *g);
    g->secret[0] = secret_a;
    g->secret[1] = secret_b;
    g->now_s = 1;
    g->is_on = 1;
    g->per_minute = 60;
    g->burst = 300;
}

/* --- control ------------------------------------------------------------------------------------- */

static uint32_t bytes_of(uint32_t family) { return family == 4 ? 4 : 16; }

/* When so many seconds are over; 0 seconds have no end. */
static uint32_t deadline(const gate *g, uint32_t seconds) {
    uint32_t end_s = GATE_LOAD(g->now_s) + seconds;
    return seconds && !end_s ? 1 : seconds ? end_s : 0;
}

static int is_key(const uint32_t *words, const uint32_t *key) {
    return words[GATE_LOW] == key[GATE_LOW] && ((words[GATE_HIGH] ^ key[GATE_HIGH]) & KEY_BITS) == 0 &&
           words[GATE_ADDRESS] == key[GATE_ADDRESS];
}

/* Return the place with this key and its words, or -1 and a new entry's. */
static int find(const gate *g, const gate_key *key, uint32_t *words) {
    int i;
    memset(words, 0, GATE_WORDS * sizeof *words);
    memcpy(&words[GATE_LOW], key->mac, sizeof *words);
    words[GATE_HIGH] = gate_get16(key->mac + 4) | (uint32_t)key->family << GATE_FAMILY_SHIFT;
    if (key->family) words[GATE_ADDRESS] = gate_hash(g, key->family, key->address, bytes_of(key->family));
    for (i = 0; i < GATE_DEVICES; i++) {
        if (!is_key(g->config[i].words, words)) continue;
        memcpy(words, g->config[i].words, sizeof g->config[i].words);
        return i;
    }
    return -1;
}

static int find_free(const gate *g) {
    uint32_t now_s = GATE_LOAD(g->now_s);
    int i;
    for (i = 0; i < GATE_DEVICES; i++) {
        const uint32_t *words = g->config[i].words;
        if ((!words[GATE_LOW] && !words[GATE_HIGH]) || gate_is_over(words, now_s)) return i;
    }
    return -1;
}

static int write_config(gate *g, int place, const uint32_t *words) {
    gate_config *config = &g->config[place];
    uint32_t seq = config->seq;
    int i;
    GATE_STORE(config->seq, seq + 1);
    for (i = 0; i < GATE_WORDS; i++) GATE_STORE(config->words[i], words[i]);
    GATE_STORE(config->seq, seq + 2);
    GATE_STORE(g->changes, g->changes + 1);
    return place;
}

int gate_put(gate *g, const gate_key *key, const gate_verdict *verdict) {
    uint32_t words[GATE_WORDS];
    int place = find(g, key, words);
    if (place < 0) {
        place = find_free(g);
        if (place < 0) return -1;
        words[GATE_TICKET] = g->config[place].words[GATE_TICKET] + A_DRAIN; /* it has not seen those of before */
    }
    words[GATE_HIGH] = (words[GATE_HIGH] & KEY_BITS) | (uint32_t)verdict->state << GATE_STATE_SHIFT;
    words[GATE_TICKET] = (words[GATE_TICKET] & DRAINS) | (verdict->ticket & 0xffffff);
    if (verdict->is_settled) words[GATE_TICKET] |= GATE_SETTLED;
    words[GATE_UNTIL] = deadline(g, verdict->lasting_s);
    return write_config(g, place, words);
}

int gate_remove(gate *g, const gate_key *key) {
    uint32_t words[GATE_WORDS];
    int place = find(g, key, words);
    if (place < 0) return -1;
    memset(words, 0, GATE_TICKET * sizeof *words);
    words[GATE_TICKET] &= DRAINS;
    return write_config(g, place, words);
}

int gate_drain(gate *g, const gate_key *key, uint32_t seconds) {
    uint32_t words[GATE_WORDS];
    int place = find(g, key, words);
    if (place < 0) return -1;
    words[GATE_DRAINED] = deadline(g, seconds);
    words[GATE_TICKET] += A_DRAIN;
    return write_config(g, place, words);
}

void gate_past(gate *g, const uint8_t *mac, const uint8_t *server, uint32_t family, int has_past) {
    uint32_t hash = gate_hash(g, gate_hash(g, family, mac, 6), server, bytes_of(family));
    uint32_t *at = gate_among(g->pasts, GATE_PASTS, hash);
    if (!at == !has_past) return;
    if (!has_past) hash = 0;
    else if (!(at = gate_among(g->pasts, GATE_PASTS, 0))) at = &g->pasts[g->past_next++ % GATE_PASTS];
    GATE_STORE(*at, hash);
}

void gate_end(gate *g, const uint8_t *client, uint32_t port, const uint8_t *server, uint32_t family) {
    uint32_t size = bytes_of(family), kind = gate_hash(g, port << 8 | family, client, size);
    uint32_t hash = gate_hash(g, kind, server, size);
    GATE_STORE(g->ended_s, deadline(g, ENDED_S));
    if (gate_among(g->ended, GATE_ENDED, hash)) return; /* the packet thread may let go of one */
    GATE_STORE(g->ended[g->ended_next++ % GATE_ENDED], hash);
}

void gate_limits(gate *g, uint32_t refill_s, uint32_t per_minute, uint32_t burst) {
    GATE_STORE(g->refill_s, refill_s);
    GATE_STORE(g->per_minute, per_minute > 10000 ? 10000 : per_minute);
    GATE_STORE(g->burst, burst > 10000 ? 10000 : burst);
}

void gate_strict(gate *g, uint32_t seconds) { GATE_STORE(g->strict_s, deadline(g, seconds)); }

/* --- the packet thread --------------------------------------------------------------------------- */

/* Read an entry whole; 0 while it is being written. */
static int read_config(const gate_config *config, uint32_t seq, uint32_t *words) {
    int i;
    for (i = 0; i < GATE_WORDS; i++) words[i] = GATE_LOAD(config->words[i]);
    return !(seq & 1) && GATE_PEEK(config->seq) == seq;
}

/* What the device has spent of its bucket stays, unless it is another or control has emptied it again. */
static void take(gate_device *d, uint32_t *words) {
    int is_same = is_key(d->words, words);
    int is_drained = !is_same || (d->words[GATE_TICKET] ^ words[GATE_TICKET]) >= A_DRAIN;
    if (is_drained) d->mails = d->is_admitted = 0;
    else words[GATE_DRAINED] = d->words[GATE_DRAINED];
    if (!is_same) d->mail = 0;
    memcpy(d->words, words, sizeof d->words);
}

void gate_take_over(gate *g) {
    uint32_t changes = GATE_LOAD(g->changes), words[GATE_WORDS];
    int i;
    memset(g->found, 0, sizeof g->found);
    g->behind = 0;
    for (i = 0; i < GATE_DEVICES; i++) {
        uint32_t seq = GATE_LOAD(g->config[i].seq);
        gate_device *d = &g->device[i];
        if (seq != d->seq && read_config(&g->config[i], seq, words)) {
            take(d, words);
            d->seq = seq;
        }
        if (seq != d->seq) changes = g->taken; /* comes again */
        g->behind |= d->words[GATE_HIGH] >> GATE_FAMILY_SHIFT & 0xff;
    }
    g->taken = changes;
}

void gate_at(gate *g, uint32_t now_ms) {
    uint32_t passed_ms = now_ms - g->clock_ms + g->rest_ms, count;
    if (!g->clock_ms) passed_ms = 0; /* told for the first time: what the clock shows is no time that has passed */
    g->clock_ms = now_ms;
    if (passed_ms >= 1000) {
        GATE_STORE(g->now_s, g->now_s + passed_ms / 1000);
        passed_ms %= 1000;
        for (count = 0; count < 16; count++) gate_flow_sweep(g);
        if (g->unpaced_s && g->now_s - g->unpaced_s >= GATE_ASKED_S) g->unpaced_s = 0;
    }
    g->rest_ms = passed_ms;
}
