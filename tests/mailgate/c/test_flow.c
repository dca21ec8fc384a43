/* Flows as the NAPT counts them: a device's share, what renews a flow and what ends it, and that the books balance. */
#include "check.h"
#include "gate_flow.h"
#include "judging.h"

/* Bytes of a datagram that gate_flow_goes_on wants. */
static const uint8_t *heads_of(const packet *made) {
    static uint8_t frame[FRAME_BYTES];
    memset(frame, 0, sizeof frame);
    make_frame(frame, made);
    return frame + ETHERNET;
}

/* As the hook does it: does it go on, and else, may it begin? */
static int flows(const packet *made) {
    gate_packet p;
    uint8_t mac[6];
    read_packet(&p, made);
    device_mac(mac, made->device);
    p.mac = mac;
    return gate_flow_goes_on(&it, heads_of(made)) || gate_flow(&it, &p) == GATE_PASS;
}

static uint32_t bucket_of(const packet *made) {
    const uint8_t *ip = heads_of(made);
    uint32_t ends[3];
    memcpy(ends, ip + 12, sizeof ends);
    return gate_flow_hash(&it, ip[9], ends) >> 25;
}

static packet flow(unsigned device, unsigned number, unsigned protocol, unsigned flags) {
    packet made = { .device = device, .server = number / 50000, .port = 443, .client_port = 10000 + number % 50000,
                    .protocol = protocol, .flags = flags };
    return made;
}

static unsigned held(void) {
    unsigned cells = 0;
    for (unsigned i = 0; i < GATE_FLOWS; i++)
        cells += it.flows[i] != 0;
    return cells;
}

static void check_books(void) {
    unsigned told = 0;
    for (unsigned owner = 0; owner < 256; owner++) {
        unsigned cells = 0;
        for (unsigned i = 0; i < GATE_FLOWS; i++)
            cells += it.flows[i] && (it.flows[i] >> 10 & 0xff) == owner;
        EQUAL(it.flows_of[owner], cells);
        CHECK(cells <= GATE_FLOWS_A_DEVICE);
        told += cells;
    }
    EQUAL(told, held());
}

static unsigned begin(unsigned device, unsigned first, unsigned count, unsigned protocol) {
    unsigned passed = 0;
    for (unsigned number = first; number < first + count; number++) {
        packet made = flow(device, number, protocol, SYN);
        passed += (unsigned)flows(&made);
    }
    return passed;
}

static void test_one_that_floods_gets_a_quarter(void) {
    start();
    unsigned passed = begin(1, 0, 20000, 6);
    CHECK(passed >= GATE_FLOWS_A_DEVICE && passed <= GATE_FLOWS_A_DEVICE + GATE_FLOWS_A_DEVICE / 8);
    EQUAL(held(), GATE_FLOWS_A_DEVICE);
    EQUAL(it.counts.crowded, 20000 - passed);
    check_books();
    EQUAL(begin(2, 0, 50, 6), 50); /* the house is not held up */
    check_books();
}

static void test_datagrams_flood_no_further(void) {
    start();
    unsigned passed = begin(1, 0, 20000, 17);
    CHECK(passed <= GATE_FLOWS_A_DEVICE + GATE_FLOWS_A_DEVICE / 8);
    EQUAL(begin(2, 0, 50, 17), 50);
    check_books();
}

static void test_what_goes_on_needs_no_new_place(void) {
    start();
    begin(1, 0, 20000, 6);
    for (unsigned turn = 0; turn < 100; turn++) {
        packet made = flow(1, 0, 6, ACK);
        CHECK(flows(&made));
    }
    packet stray = flow(1, 30000, 6, ACK); /* of a flow nobody has seen begin: no NAPT makes an entry for it */
    CHECK(flows(&stray));
    EQUAL(held(), GATE_FLOWS_A_DEVICE);
}

static void test_the_same_syn_again_counts_once(void) {
    packet made = flow(1, 7, 6, SYN);
    start();
    for (unsigned again = 0; again < 500; again++)
        CHECK(flows(&made));
    EQUAL(held(), 1);
    check_books();
}

/* How long until the flow's place is free, in seconds? */
static unsigned lasts(unsigned most) {
    unsigned seconds = 0;
    while (held() && seconds < most) {
        wait_s(1);
        seconds++;
    }
    return seconds;
}

static void test_how_long_flows_last(void) {
    static const struct { unsigned protocol, last_flags, shortest, longest; const char *why; } FLOWS[] = {
        { 6, ACK, 1798, 1864, "TCP: half an hour, as the NAPT" }, { 6, ACK | FIN, 18, 86, "TCP behind a FIN" },
        { 6, RST, 18, 86, "TCP behind a RST" }, { 17, 0, 2, 68, "UDP" },
    };
    for (unsigned i = 0; i < 4; i++) {
        packet made = flow(1, 7, FLOWS[i].protocol, SYN);
        start();
        CHECK(flows(&made));
        made.flags = FLOWS[i].last_flags;
        CHECK(flows(&made));
        unsigned seconds = lasts(4000);
        at("%s: %u s", FLOWS[i].why, seconds);
        CHECK(seconds >= FLOWS[i].shortest && seconds <= FLOWS[i].longest);
        check_books();
    }
}

static void test_a_busy_flow_stays(void) {
    packet tcp = flow(1, 7, 6, SYN), udp = flow(1, 8, 17, 0);
    start();
    flows(&tcp);
    flows(&udp);
    tcp.flags = ACK;
    for (unsigned turn = 0; turn < 6000; turn++) {
        wait_s(1);
        CHECK(flows(&udp));
        if (turn % 1500 == 0)
            CHECK(flows(&tcp));
    }
    EQUAL(held(), 2);
    check_books();
}

static void test_what_comes_behind_a_fin_does_not_prolong(void) {
    packet made = flow(1, 7, 6, SYN);
    start();
    flows(&made);
    made.flags = FIN | ACK;
    flows(&made);
    made.flags = ACK;
    for (unsigned second = 0; second < 90; second++) {
        wait_s(1);
        CHECK(flows(&made));
    }
    EQUAL(held(), 0);
}

static void test_the_share_comes_back(void) {
    start();
    begin(1, 0, 1000, 17);
    EQUAL(begin(1, 1000, 10, 17), 0);
    wait_s(5);
    EQUAL(begin(1, 2000, 100, 17), 100);
    check_books();
    start();
    begin(1, 0, 1000, 6);
    wait_s(1700);
    EQUAL(begin(1, 5000, 10, 6), 0);
    wait_s(200);
    EQUAL(begin(1, 6000, 100, 6), 100);
    check_books();
}

static void test_a_whole_house_in_a_day(void) {
    uint32_t random = 12345;
    start();
    for (unsigned turn = 0; turn < 200000; turn++) {
        random = random * 1664525u + 1013904223u;
        packet made = flow(1 + (random >> 8) % 40, (random >> 14) % 300, random >> 30 ? 6 : 17,
                           (unsigned[]){ SYN, ACK, ACK, FIN | ACK }[random >> 5 & 3]);
        flows(&made);
        if (turn % 3 == 0)
            wait_s(1);
        if (turn % 5000 == 0)
            check_books();
    }
    check_books();
}

/* A full bucket: whoever would end first makes room. */
static void test_the_flow_that_ends_first_makes_room(void) {
    packet made[GATE_FLOW_WAYS + 1];
    unsigned found = 0;
    start();
    uint32_t bucket = bucket_of(&(packet){ .device = 1, .port = 443, .flags = SYN });
    for (unsigned number = 0; found <= GATE_FLOW_WAYS; number++) {
        made[found] = flow(1 + found, number, 6, SYN);
        found += bucket_of(&made[found]) == bucket;
    }
    static const unsigned ORDER[GATE_FLOW_WAYS] = { 2, 0, 3, 1 };
    for (unsigned i = 0; i < GATE_FLOW_WAYS; i++) {
        CHECK(flows(&made[ORDER[i]]));
        wait_s(10);
    }
    EQUAL(held(), GATE_FLOW_WAYS);
    CHECK(flows(&made[GATE_FLOW_WAYS]));
    EQUAL(held(), GATE_FLOW_WAYS);
    check_books();
    for (unsigned i = 0; i < GATE_FLOW_WAYS; i++) {
        made[i].flags = ACK;
        EQUAL(gate_flow_goes_on(&it, heads_of(&made[i])), i != ORDER[0]);
    }
}

static void test_every_part_of_a_flow_counts(void) {
    packet base = flow(1, 7, 6, SYN), others[5] = { base, base, base, base, base };
    others[0].client_port++;
    others[1].port++;
    others[2].server++;
    others[3].device++;
    others[4].protocol = 17;
    start();
    flows(&base);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(flows(&others[i]));
        EQUAL(held(), i + 2);
    }
}

TESTS(TEST(test_one_that_floods_gets_a_quarter), TEST(test_datagrams_flood_no_further),
      TEST(test_what_goes_on_needs_no_new_place), TEST(test_the_same_syn_again_counts_once),
      TEST(test_how_long_flows_last), TEST(test_a_busy_flow_stays), TEST(test_what_comes_behind_a_fin_does_not_prolong),
      TEST(test_the_share_comes_back), TEST(test_a_whole_house_in_a_day), TEST(test_the_flow_that_ends_first_makes_room),
      TEST(test_every_part_of_a_flow_counts));

int main(void) { return RUN_TESTS(); }
