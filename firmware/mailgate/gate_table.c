/* What control says of devices and servers, and how the packet thread takes it over: neither waits for the other.
 *
 * An entry of `config` is a sequence lock: odd while it is written.  The packet thread takes over what is whole, and
 * comes back with the next mail packet for what is not.  Single words (pasts, ended, limits) need no lock.
 */
#include <string.h>

#include "gate_inside.h"
#include "gate_shared.h"

enum { LOW, HIGH, ADDRESS, UNTIL, TICKET, DRAINED };
#define SETTLED (1u << 24)
#define A_DRAIN (1u << 25) /* counted in the bits above the ticket */
#define STATE_SHIFT 24
#define FAMILY_SHIFT 16
#define KEY_BITS 0x00ffffffu /* of HIGH: the state is not part of the key */

uint32_t gate_get32(const uint8_t *p) { return gate_get16(p) << 16 | gate_get16(p + 2); }

static uint32_t mix(uint32_t h, const uint8_t *at, uint32_t size) {
    for (; size >= 4; size -= 4, at += 4) {
        h = (h ^ gate_get32(at)) * 0x9E3779B1u;
        h ^= h >> 15;
    }
    if (size) h = (h ^ gate_get16(at)) * 0x85EBCA77u; /* a MAC's last two */
    return h ^ h >> 13;
}

uint32_t gate_hash(const gate *g, uint32_t kind, const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes) {
    uint32_t h = mix(mix(g->secret[0] ^ kind, a, a_bytes), b, b_bytes);
    h = (h ^ g->secret[1]) * 0xC2B2AE3Du;
    h ^= h >> 16;
    return h ? h : 1;
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

static void to_words(const gate *g, const gate_key *key, uint32_t *words) {
    memcpy(&words[LOW], key->mac, 4);
    words[HIGH] = gate_get16(key->mac + 4) | (uint32_t)key->family << FAMILY_SHIFT;
    words[ADDRESS] = key->family ? gate_hash(g, key->family, key->address, key->family == 4 ? 4 : 16, 0, 0) : 0;
}

static int is_free(const uint32_t *words, uint32_t now_s) {
    if (!words[LOW] && !words[HIGH]) return 1;
    return words[UNTIL] && (int32_t)(now_s - words[UNTIL]) >= 0;
}

static int find(const gate *g, const uint32_t *key) {
    int i;
    for (i = 0; i < GATE_DEVICES; i++) {
        const uint32_t *words = g->config[i].words;
        if (words[LOW] == key[LOW] && (words[HIGH] & KEY_BITS) == key[HIGH] && words[ADDRESS] == key[ADDRESS]) return i;
    }
    return -1;
}

static int find_free(const gate *g) {
    uint32_t now_s = GATE_LOAD(g->now_s);
    int i;
    for (i = 0; i < GATE_DEVICES; i++)
        if (is_free(g->config[i].words, now_s)) return i;
    return -1;
}

static void write_config(gate *g, int place, const uint32_t *words) {
    gate_config *config = &g->config[place];
    uint32_t seq = config->seq;
    int i;
    GATE_STORE(config->seq, seq + 1);
    for (i = 0; i < GATE_CONFIG_WORDS; i++) GATE_STORE(config->words[i], words[i]);
    GATE_STORE(config->seq, seq + 2);
    GATE_STORE(g->changes, g->changes + 1);
}

int gate_put(gate *g, const gate_key *key, const gate_verdict *verdict) {
    uint32_t words[GATE_CONFIG_WORDS] = {0};
    int place;
    to_words(g, key, words);
    place = find(g, words);
    if (place >= 0) {
        words[DRAINED] = g->config[place].words[DRAINED];
        words[TICKET] = g->config[place].words[TICKET] & ~(A_DRAIN - 1);
    } else {
        place = find_free(g);
        if (place < 0) return -1;
        words[TICKET] = (g->config[place].words[TICKET] & ~(A_DRAIN - 1)) + A_DRAIN; /* it has not seen those of before */
    }
    words[HIGH] |= (uint32_t)verdict->state << STATE_SHIFT;
    words[TICKET] |= (verdict->ticket & 0xffffff) | (verdict->is_settled ? SETTLED : 0);
    if (verdict->lasting_s) {
        words[UNTIL] = GATE_LOAD(g->now_s) + verdict->lasting_s;
        if (!words[UNTIL]) words[UNTIL] = 1;
    }
    write_config(g, place, words);
    return place;
}

int gate_remove(gate *g, const gate_key *key) {
    uint32_t words[GATE_CONFIG_WORDS] = {0}, nothing[GATE_CONFIG_WORDS] = {0};
    int place;
    to_words(g, key, words);
    place = find(g, words);
    if (place < 0) return -1;
    nothing[TICKET] = g->config[place].words[TICKET] & ~(A_DRAIN - 1);
    write_config(g, place, nothing);
    return place;
}

int gate_drain(gate *g, const gate_key *key, uint32_t seconds) {
    uint32_t words[GATE_CONFIG_WORDS] = {0};
    int place;
    to_words(g, key, words);
    place = find(g, words);
    if (place < 0) return -1;
    memcpy(words, g->config[place].words, sizeof words);
    words[DRAINED] = GATE_LOAD(g->now_s) + seconds;
    words[TICKET] += A_DRAIN;
    write_config(g, place, words);
    return place;
}

void gate_past(gate *g, const uint8_t *mac, const uint8_t *server, uint32_t family, int has_past) {
    uint32_t hash = gate_hash(g, family, mac, 6, server, family == 4 ? 4 : 16), i;
    int place = -1;
    for (i = 0; i < GATE_PASTS; i++) {
        if (g->pasts[i] == hash) {
            if (!has_past) GATE_STORE(g->pasts[i], 0);
            return;
        }
        if (!g->pasts[i] && place < 0) place = (int)i;
    }
    if (!has_past) return;
    if (place < 0) place = (int)(g->past_next++ % GATE_PASTS);
    GATE_STORE(g->pasts[place], hash);
}

void gate_end(gate *g, const uint8_t *client, uint32_t port, const uint8_t *server, uint32_t family) {
    uint32_t size = family == 4 ? 4 : 16, hash = gate_hash(g, port << 8 | family, client, size, server, size), i;
    for (i = 0; i < GATE_ENDED; i++)
        if (GATE_PEEK(g->ended[i]) == hash) return; /* the packet thread may let go of one */
    GATE_STORE(g->ended[g->ended_next % GATE_ENDED], hash);
    GATE_STORE(g->ended_next, g->ended_next + 1);
}

void gate_limits(gate *g, uint32_t refill_s, uint32_t per_minute, uint32_t burst) {
    GATE_STORE(g->refill_s, refill_s);
    GATE_STORE(g->per_minute, per_minute > 10000 ? 10000 : per_minute);
    GATE_STORE(g->burst, burst > 10000 ? 10000 : burst);
}

void gate_strict(gate *g, uint32_t seconds) {
    uint32_t until_s = seconds ? GATE_LOAD(g->now_s) + seconds : 0;
    GATE_STORE(g->strict_s, until_s);
}

/* --- the packet thread --------------------------------------------------------------------------- */

/* Read an entry whole; 0 while it is being written. */
static int read_config(const gate_config *config, uint32_t seq, uint32_t *words) {
    int i;
    for (i = 0; i < GATE_CONFIG_WORDS; i++) words[i] = GATE_LOAD(config->words[i]);
    return GATE_PEEK(config->seq) == seq;
}

static void take(gate_device *d, const uint32_t *words) {
    int is_same = d->low == words[LOW] && ((d->high ^ words[HIGH]) & KEY_BITS) == 0 && d->address == words[ADDRESS];
    if (!is_same) memset(d, 0, sizeof *d);
    if (!is_same || (d->ticket ^ words[TICKET]) >= A_DRAIN) {
        d->drained_s = words[DRAINED];
        d->mails = d->is_admitted = 0;
    }
    d->low = words[LOW];
    d->high = words[HIGH];
    d->address = words[ADDRESS];
    d->until_s = words[UNTIL];
    d->ticket = words[TICKET];
}

void gate_take_over(gate *g) {
    uint32_t changes = GATE_LOAD(g->changes), words[GATE_CONFIG_WORDS], behind = 0;
    int i, is_whole = 1;
    for (i = 0; i < GATE_DEVICES; i++) {
        uint32_t seq = GATE_LOAD(g->config[i].seq);
        gate_device *d = &g->device[i];
        if (seq != d->seq) {
            if (seq & 1 || !read_config(&g->config[i], seq, words)) {
                is_whole = 0;
            } else {
                take(d, words);
                d->seq = seq;
            }
        }
        behind += (d->high >> FAMILY_SHIFT & 0xff) != 0;
    }
    g->behind = behind;
    memset(g->found, 0, sizeof g->found);
    if (is_whole) g->taken = changes;
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
