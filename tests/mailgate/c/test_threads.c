/* Two threads at one gate: one changes verdicts and reads records as fast as it can, one judges packets.
 *
 * Built with ThreadSanitizer.  A verdict that is read is whole: the ticket says which state it was put with.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "frames.h"
#include "gate.h"

#ifndef TURNS
#define TURNS 300000 /* of the packet thread */
#endif
#define DEVICES 40 /* more than the table takes: places change hands */
#define SERVERS 8

static gate it;
static atomic_int is_over;
static unsigned long changes, records, halves, disorder, judged, refused;

static uint32_t ticket_of(unsigned device, unsigned state) { return device << 8 | state << 4 | 1; }

static uint32_t next_random(uint32_t *state) { return (*state = *state * 1664525u + 1013904223u) >> 8; }

/* --- control --------------------------------------------------------------------------------------- */

static void change(uint32_t random) {
    uint8_t server[4], client[4];
    gate_key key = { .family = 0 };
    unsigned device = random % DEVICES, state = GATE_QUARANTINED + (random >> 8 & 1);
    gate_verdict verdict = { (uint8_t)state, 0, ticket_of(device, state), random >> 9 & 1 ? 3600 : 0 };
    device_mac(key.mac, device);
    device_address(client, 4, device);
    server_address(server, 4, random >> 10 & (SERVERS - 1));
    switch (random >> 13 & 15) {
    case 0: case 1: gate_remove(&it, &key); break;
    case 2: gate_drain(&it, &key, 1); break;
    case 3: gate_past(&it, key.mac, server, 4, random >> 17 & 1); break;
    case 4: gate_end(&it, client, 40000 + (random >> 17 & 7), server, 4); break;
    case 5: gate_limits(&it, 60, random & 63, 100 + (random & 63)); break;
    case 6: gate_strict(&it, random & 3); break;
    default: gate_put(&it, &key, &verdict); break;
    }
    changes++;
}

/* Records bear numbers that count up, and a frame made from theirs. */
static void read_records(void) {
    static uint8_t out[1400];
    static uint32_t last;
    uint32_t bytes = gate_read(&it, out, sizeof out), at = 0;
    for (; at < bytes; records++) {
        gate_record_head head;
        memcpy(&head, out + at, sizeof head);
        for (unsigned i = 0; i < head.frame; i++)
            disorder += out[at + sizeof head + i] != (uint8_t)(head.t_ms + i);
        disorder += head.t_ms <= last || head.size < head.frame;
        last = head.t_ms;
        at += head.size;
    }
}

static void *control(void *nothing) {
    uint32_t random = 1;
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        change(next_random(&random));
        if (gate_waiting(&it) > 1000)
            read_records();
    }
    return nothing;
}

/* --- packets ------------------------------------------------------------------------------------------ */

static void judge(uint32_t random) {
    static uint8_t frames[DEVICES][SERVERS][2][FRAME_BYTES];
    unsigned device = random % DEVICES, server = random >> 8 & (SERVERS - 1), is_line = random >> 11 & 1;
    uint8_t *frame = frames[device][server][is_line];
    uint32_t ticket, bytes;
    gate_packet p;
    packet made = { .device = device, .server = server, .port = 25, .client_port = 40000 + (device & 7),
                    .flags = is_line ? ACK : SYN, .text = is_line ? "NOOP\r\n" : 0 };
    bytes = make_frame(frame, &made) - ETHERNET;
    gate_look(&p, &gate_ip4, frame + ETHERNET, bytes, bytes, GATE_OUT);
    p.mac = frame + 6;
    enum gate_action action = gate_judge(&it, &p, &ticket);
    unsigned state = ticket >> 4 & 15;
    judged++;
    if (ticket) {
        halves += ticket != ticket_of(device, state) || (state != GATE_QUARANTINED && state != GATE_CONFIRMED);
        halves += !is_line && action != (state == GATE_CONFIRMED ? GATE_NEVER : GATE_LATER);
        halves += is_line && action != GATE_RESET;
        refused++;
    } else {
        halves += action == GATE_NEVER;
    }
}

static void record(uint32_t number) {
    uint32_t size = 40 + number % 200, clock_ms = it.clock_ms;
    it.clock_ms = number; /* for its record alone */
    uint8_t *to = gate_record(&it, GATE_OUT, GATE_PASS, size, size);
    it.clock_ms = clock_ms;
    if (!to)
        return;
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number + i);
    gate_commit(&it);
}

static void *packets(void *nothing) {
    uint32_t random = 2;
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        judge(next_random(&random));
        record(turn);
        if (turn % 16 == 0)
            gate_at(&it, turn * 40);
    }
    atomic_store(&is_over, 1);
    return nothing;
}

static void test_no_verdict_is_half_old_half_new(void) {
    pthread_t threads[2];
    gate_init(&it, 3, 4);
    pthread_create(&threads[0], 0, control, 0);
    pthread_create(&threads[1], 0, packets, 0);
    pthread_join(threads[0], 0);
    pthread_join(threads[1], 0);
    while (gate_waiting(&it))
        read_records();
    EQUAL(halves, 0);
    EQUAL(disorder, 0);
    EQUAL(records, it.counts.records);
    EQUAL(records + it.counts.lost, TURNS);
    CHECK(refused > TURNS / 10 && refused < judged);
    CHECK(changes > TURNS / 10);
    printf("%lu changes beside %lu judgements, %lu of them refusals; %lu records\n", changes, judged, refused, records);
}

TESTS(TEST(test_no_verdict_is_half_old_half_new));

int main(int count, char **words) {
    (void)words;
    return count > 1 ? 0 : RUN_TESTS(); /* with any word: can it run here? */
}
