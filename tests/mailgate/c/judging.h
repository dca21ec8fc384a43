/* One gate and the home's mail packets before it: what the tests of states, budget and pace share. */
#ifndef JUDGING_H
#define JUDGING_H

#include "reading.h"

static gate it;
static uint32_t told_ticket, now_ms;

static inline void start(void) {
    gate_init(&it, 0x1234567, 0x89abcdef);
    now_ms = 5000;
    gate_at(&it, now_ms);
}

/* Let seconds pass as the port does: one step a second. */
static inline void wait_s(unsigned seconds) {
    while (seconds--) {
        now_ms += 1000;
        gate_at(&it, now_ms);
    }
}

static inline gate_key key_of(unsigned device) {
    gate_key key = { .family = 0 };
    device_mac(key.mac, device);
    return key;
}

/* Behind a relay: the MAC of one device, the address of another. */
static inline gate_key key_behind(unsigned relay, unsigned family, unsigned device) {
    gate_key key = key_of(relay);
    key.family = (uint8_t)family;
    device_address(key.address, family, device);
    return key;
}

static inline int put(unsigned device, enum gate_state state, uint32_t ticket, uint32_t lasting_s) {
    gate_key key = key_of(device);
    gate_verdict verdict = { (uint8_t)state, 0, ticket, lasting_s };
    return gate_put(&it, &key, &verdict);
}

static inline int drain(unsigned device, uint32_t seconds) {
    gate_key key = key_of(device);
    return gate_drain(&it, &key, seconds);
}

/* As judged when it comes from this MAC (a relay's may differ from the address); the class must be mail. */
static inline int judged_from(unsigned relay, const packet *made) {
    gate_packet p;
    uint8_t *mac = malloc(6);
    device_mac(mac, relay);
    if (read_packet(&p, made) != GATE_MAIL)
        abort();
    p.mac = mac;
    int action = gate_judge(&it, &p, &told_ticket);
    free(mac);
    return action;
}

static inline int judged(const packet *made) { return judged_from(made->device, made); }

/* A new connection of the device; `attempt` makes its port and first sequence number. */
static inline int connect_to(unsigned device, unsigned server, unsigned attempt) {
    packet made = { .device = device, .server = server, .port = 25, .client_port = 40000 + attempt % 20000,
                    .seq = attempt * 7919u, .flags = SYN };
    return judged(&made);
}

/* A line in an established connection. */
static inline int say(unsigned device, unsigned attempt, uint32_t seq, const char *line) {
    packet made = { .device = device, .server = 9, .port = 25, .client_port = 40000 + attempt % 20000, .seq = seq,
                    .flags = ACK | PSH, .text = line };
    return judged(&made);
}

#endif
