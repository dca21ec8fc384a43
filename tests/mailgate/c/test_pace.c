/* What holds for any device: the pace of new mail connections, strict hours, pasts, and connections to be ended. */
#include "check.h"
#include "judging.h"

static unsigned passed_of(unsigned device, unsigned count, unsigned *attempt) {
    unsigned passed = 0;
    while (count--)
        passed += connect_to(device, 1, ++*attempt) == GATE_PASS;
    return passed;
}

/* --- pace ------------------------------------------------------------------------------------------ */

static void test_a_burst_passes_then_so_many_a_minute(void) {
    unsigned attempt = 0;
    start();
    gate_limits(&it, 60, 6, 20);
    EQUAL(passed_of(1, 50, &attempt), 20);
    EQUAL(it.counts.unpaced, 30);
    wait_s(10);
    EQUAL(passed_of(1, 5, &attempt), 1);
    wait_s(30);
    EQUAL(passed_of(1, 50, &attempt), 3);
    wait_s(24 * 3600);
    EQUAL(passed_of(1, 50, &attempt), 20); /* no more than a burst is saved up */
}

static void test_the_pace_of_one_is_not_anothers(void) {
    unsigned attempt = 0, others = 0;
    start();
    gate_limits(&it, 60, 6, 20);
    passed_of(1, 100, &attempt);
    for (unsigned device = 2; device < 102; device++)
        others += passed_of(device, 1, &attempt);
    CHECK(others >= 85 && others < 100); /* those that share one of the 16 buckets with it wait */
}

static void test_the_slowest_pace(void) {
    unsigned attempt = 0;
    start();
    gate_limits(&it, 60, 1, 1);
    EQUAL(passed_of(1, 3, &attempt), 1);
    for (unsigned second = 1; second < 60; second++) {
        wait_s(1);
        EQUAL(passed_of(1, 1, &attempt), 0);
    }
    wait_s(1);
    EQUAL(passed_of(1, 3, &attempt), 1);
    gate_limits(&it, 60, 0, 1);
    wait_s(3600);
    EQUAL(passed_of(1, 3, &attempt), 0);
}

static void test_limits_are_bounded(void) {
    unsigned attempt = 0;
    start();
    gate_limits(&it, 60, 0xffffffffu, 0xffffffffu);
    EQUAL(it.burst, 10000);
    EQUAL(it.per_minute, 10000);
    EQUAL(passed_of(1, 10010, &attempt), 10000);
    gate_limits(&it, 60, 60, 10); /* less than what has been saved up */
    wait_s(3600);
    EQUAL(passed_of(1, 100, &attempt), 10);
}

static void test_the_granted_have_no_pace(void) {
    unsigned attempt = 0;
    start();
    gate_limits(&it, 60, 1, 1);
    put(1, GATE_GRANTED, 0, 0);
    EQUAL(passed_of(1, 100, &attempt), 100);
}

static void test_whoever_was_refused_is_looked_at_closely_for_a_while(void) {
    unsigned attempt = 0;
    start();
    gate_limits(&it, 60, 1, 1);
    EQUAL(say(2, 1, 1, "NOOP\r\n"), GATE_PASS);
    passed_of(1, 2, &attempt);
    EQUAL(say(1, 2, 1, "NOOP\r\n"), GATE_ASK);
    wait_s(59);
    EQUAL(say(1, 2, 1, "NOOP\r\n"), GATE_ASK);
    wait_s(1);
    EQUAL(say(1, 2, 1, "NOOP\r\n"), GATE_PASS);
}

static void test_the_clock_wraps(void) {
    unsigned attempt = 0;
    start();
    now_ms = 0xfffff000u;
    it.clock_ms = now_ms;
    gate_limits(&it, 60, 6, 20);
    put(1, GATE_QUARANTINED, 0, 12);
    EQUAL(passed_of(2, 50, &attempt), 20);
    wait_s(10); /* over the end of 32 bits of milliseconds */
    CHECK(now_ms < 0x10000);
    EQUAL(passed_of(2, 50, &attempt), 1);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    wait_s(2);
    EQUAL(connect_to(1, 1, 1), GATE_PASS);
}

static void test_odd_steps_of_the_clock_add_up(void) {
    start();
    uint32_t before = it.now_s;
    for (unsigned step = 0; step < 1000; step++)
        gate_at(&it, now_ms += 999);
    EQUAL(it.now_s - before, 999);
    gate_at(&it, now_ms += 3600000);
    EQUAL(it.now_s - before, 999 + 3600);
}

/* --- strict, pasts --------------------------------------------------------------------------------- */

static void test_strict_holds_back_newcomers_only(void) {
    gate_key settled = key_of(2);
    gate_verdict here_before = { GATE_NORMAL, 1, 0, 0 };
    start();
    gate_put(&it, &settled, &here_before);
    put(3, GATE_GRANTED, 0, 0);
    put(4, GATE_NORMAL, 0, 0);
    gate_strict(&it, 100);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    EQUAL(connect_to(2, 1, 1), GATE_PASS);
    EQUAL(connect_to(3, 1, 1), GATE_PASS);
    EQUAL(connect_to(4, 1, 1), GATE_LATER);
    EQUAL(say(1, 1, 1, "NOOP\r\n"), GATE_ASK); /* what is established stays, and what was refused is answered */
    wait_s(99);
    EQUAL(connect_to(1, 1, 2), GATE_LATER);
    wait_s(1);
    EQUAL(connect_to(1, 1, 3), GATE_PASS);
    gate_strict(&it, 100);
    gate_strict(&it, 0);
    EQUAL(connect_to(1, 1, 4), GATE_PASS);
}

static void past(unsigned device, unsigned family, unsigned server, int has_past) {
    uint8_t mac[6], address[16];
    device_mac(mac, device);
    server_address(address, family, server);
    gate_past(&it, mac, address, family, has_past);
}

static void test_a_past_is_of_a_device_and_a_server(void) {
    start();
    gate_strict(&it, 1000);
    past(1, 4, 5, 1);
    past(1, 6, 6, 1);
    packet six = { .family = 6, .device = 1, .server = 6, .port = 25, .flags = SYN };
    EQUAL(connect_to(1, 5, 1), GATE_PASS);
    EQUAL(connect_to(1, 6, 1), GATE_LATER);
    EQUAL(connect_to(2, 5, 1), GATE_LATER);
    EQUAL(judged(&six), GATE_PASS);
    six.server = 5;
    EQUAL(judged(&six), GATE_LATER);
    past(1, 4, 5, 0);
    past(1, 4, 7, 0); /* that was not there */
    EQUAL(connect_to(1, 5, 2), GATE_LATER);
    six.server = 6;
    EQUAL(judged(&six), GATE_PASS);
}

static void test_the_oldest_past_makes_room(void) {
    unsigned passed = 0;
    start();
    gate_strict(&it, 1000);
    for (unsigned server = 1; server <= GATE_PASTS + 8; server++) {
        past(1, 4, server, 1);
        past(1, 4, server, 1); /* known already: takes no second place */
    }
    for (unsigned server = 1; server <= GATE_PASTS + 8; server++) {
        int is_known = connect_to(1, server, server) == GATE_PASS;
        EQUAL(is_known, server > 8);
        passed += is_known;
    }
    EQUAL(passed, GATE_PASTS);
}

/* --- connections to be ended ------------------------------------------------------------------------- */

static void end(unsigned family, unsigned device, unsigned port, unsigned server) {
    uint8_t client[16], address[16];
    device_address(client, family, device);
    server_address(address, family, server);
    gate_end(&it, client, port, address, family);
}

static void test_an_ended_connection_is_reset_and_no_other(void) {
    start();
    for (unsigned family = 4; family <= 6; family += 2) {
        packet made = { .family = family, .device = 1, .server = 5, .port = 25, .client_port = 40001, .flags = ACK };
        end(family, 1, 40001, 5);
        EQUAL(judged(&made), GATE_PASS); /* a bare acknowledgement passes: a reply given is not taken back */
        made.text = "MAIL FROM:<>\r\n";
        EQUAL(judged(&made), GATE_RESET);
        made.client_port = 40002;
        EQUAL(judged(&made), GATE_PASS);
        made.client_port = 40001;
        made.server = 6;
        EQUAL(judged(&made), GATE_PASS);
        made.server = 5;
        made.device = 2;
        EQUAL(judged(&made), GATE_PASS);
    }
}

static void test_the_same_port_may_connect_again(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .client_port = 40001, .flags = ACK, .text = "NOOP\r\n" };
    start();
    end(4, 1, 40001, 5);
    EQUAL(judged(&made), GATE_RESET);
    made.flags = SYN;
    made.text = 0;
    EQUAL(judged(&made), GATE_PASS);
    made.flags = ACK;
    made.text = "EHLO x.example\r\n";
    EQUAL(judged(&made), GATE_PASS); /* a new connection with the old ends */
}

static void test_the_oldest_ended_makes_room(void) {
    start();
    for (unsigned port = 1; port <= GATE_ENDED + 4; port++) {
        end(4, 1, 40000 + port, 5);
        end(4, 1, 40000 + port, 5); /* told twice */
    }
    for (unsigned port = 1; port <= GATE_ENDED + 4; port++) {
        packet made = { .device = 1, .server = 5, .port = 25, .client_port = 40000 + port, .flags = ACK, .text = "x" };
        at("port %u", port);
        EQUAL(judged(&made), port <= 4 ? GATE_PASS : GATE_RESET);
    }
}

static void test_the_granted_can_be_ended_too(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .client_port = 40001, .flags = ACK, .text = "x" };
    start();
    put(1, GATE_GRANTED, 0, 0);
    end(4, 1, 40001, 5);
    EQUAL(judged(&made), GATE_RESET);
}

static void test_an_end_is_forgotten_after_an_hour(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .client_port = 40001, .flags = ACK, .text = "x" }, other = made;
    uint8_t mac[6];
    device_mac(mac, 1);
    start();
    other.client_port = 40002;
    EQUAL(judged(&other), GATE_PASS);
    CHECK(gate_is_free(&it, mac));
    end(4, 1, 40001, 5);
    wait_s(3599);
    CHECK(!gate_is_free(&it, mac));
    EQUAL(judged(&made), GATE_RESET);
    wait_s(1);
    CHECK(gate_is_free(&it, mac));
    EQUAL(judged(&made), GATE_PASS);
}

static void test_the_next_end_does_not_bring_back_a_forgotten_one(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .client_port = 40001, .flags = SYN };
    start();
    end(4, 1, 40001, 5);
    wait_s(3600);
    EQUAL(judged(&made), GATE_PASS); /* a new connection with the old ends */
    end(4, 1, 40002, 5);
    made.flags = ACK;
    made.text = "x";
    EQUAL(judged(&made), GATE_PASS);
    made.client_port = 40002;
    EQUAL(judged(&made), GATE_RESET);
}

/* --- who is not judged --------------------------------------------------------------------------------- */

static int is_free_after(enum gate_state state, uint32_t lasting_s) {
    packet made = { .device = 1, .server = 5, .port = 25, .flags = ACK };
    uint8_t mac[6];
    device_mac(mac, 1);
    put(1, state, 0, lasting_s);
    if (gate_is_free(&it, mac))
        return -1; /* before the verdict was taken over */
    judged(&made);
    return gate_is_free(&it, mac);
}

static void test_whoever_nobody_suspects_is_free(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .flags = ACK };
    uint8_t mac[6], another[6];
    device_mac(mac, 1);
    device_mac(another, 1 + GATE_FOUND); /* of the same place among those remembered */
    start();
    CHECK(!gate_is_free(&it, mac)); /* not seen yet */
    judged(&made);
    CHECK(gate_is_free(&it, mac));
    CHECK(!gate_is_free(&it, another));
    EQUAL(is_free_after(GATE_GRANTED, 0), 1);
    EQUAL(is_free_after(GATE_THROTTLED, 0), 0);
    EQUAL(is_free_after(GATE_CONFIRMED, 0), 0);
    EQUAL(is_free_after(GATE_NORMAL, 0), 1);
}

static void test_who_was_suspected_is_free_when_the_verdict_is_over(void) {
    packet made = { .device = 1, .server = 5, .port = 25, .flags = ACK };
    uint8_t mac[6];
    device_mac(mac, 1);
    start();
    EQUAL(is_free_after(GATE_QUARANTINED, 10), 0);
    wait_s(10);
    CHECK(!gate_is_free(&it, mac));
    judged(&made);
    CHECK(gate_is_free(&it, mac));
}

TESTS(TEST(test_a_burst_passes_then_so_many_a_minute), TEST(test_the_pace_of_one_is_not_anothers),
      TEST(test_the_slowest_pace), TEST(test_limits_are_bounded), TEST(test_the_granted_have_no_pace),
      TEST(test_whoever_was_refused_is_looked_at_closely_for_a_while), TEST(test_the_clock_wraps),
      TEST(test_odd_steps_of_the_clock_add_up), TEST(test_strict_holds_back_newcomers_only),
      TEST(test_a_past_is_of_a_device_and_a_server), TEST(test_the_oldest_past_makes_room),
      TEST(test_an_ended_connection_is_reset_and_no_other), TEST(test_the_same_port_may_connect_again),
      TEST(test_the_oldest_ended_makes_room), TEST(test_the_granted_can_be_ended_too),
      TEST(test_an_end_is_forgotten_after_an_hour), TEST(test_the_next_end_does_not_bring_back_a_forgotten_one),
      TEST(test_whoever_nobody_suspects_is_free), TEST(test_who_was_suspected_is_free_when_the_verdict_is_over));

int main(void) { return RUN_TESTS(); }
