/* The table of verdicts: full, renewed, removed, ended by itself, and whom a verdict is about. */
#include "check.h"
#include "judging.h"

static void test_an_empty_table_lets_all_pass(void) {
    start();
    EQUAL(connect_to(1, 1, 1), GATE_PASS);
    EQUAL(told_ticket, 0);
}

static void test_each_state_and_each_kind_of_packet(void) {
    static const struct { enum gate_state state; int syn, line, bare, fin, rst; } STATES[] = {
        { GATE_NORMAL, GATE_PASS, GATE_PASS, GATE_PASS, GATE_PASS, GATE_PASS },
        { GATE_GRANTED, GATE_PASS, GATE_PASS, GATE_PASS, GATE_PASS, GATE_PASS },
        { GATE_THROTTLED, GATE_LATER, GATE_ASK, GATE_ASK, GATE_ASK, GATE_ASK },
        { GATE_QUARANTINED, GATE_LATER, GATE_RESET, GATE_ASK, GATE_ASK, GATE_ASK },
        { GATE_CONFIRMED, GATE_NEVER, GATE_RESET, GATE_ASK, GATE_ASK, GATE_ASK },
    };
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned family = 4; family <= 6; family += 2) {
            packet made = { .family = family, .device = 3, .server = 1, .port = 25, .flags = SYN };
            start();
            at("state %d, IPv%u", STATES[i].state, family);
            put(3, STATES[i].state, 0xabc123, 0);
            EQUAL(judged(&made), STATES[i].syn);
            EQUAL(told_ticket, 0xabc123);
            made.flags = ACK;
            EQUAL(judged(&made), STATES[i].bare);
            made.flags = ACK | FIN;
            EQUAL(judged(&made), STATES[i].fin);
            made.flags = RST;
            EQUAL(judged(&made), STATES[i].rst);
            made.flags = ACK | PSH;
            made.text = "RCPT TO:<a@b.example>\r\n";
            EQUAL(judged(&made), STATES[i].line);
        }
    }
}

static void test_a_full_table_says_so_and_forgets_nobody(void) {
    start();
    for (unsigned device = 1; device <= GATE_DEVICES; device++)
        CHECK(put(device, device % 2 ? GATE_QUARANTINED : GATE_CONFIRMED, device, 0) >= 0);
    EQUAL(put(99, GATE_QUARANTINED, 0, 0), -1);
    EQUAL(connect_to(99, 1, 1), GATE_PASS);
    for (unsigned device = 1; device <= GATE_DEVICES; device++) {
        at("device %u", device);
        EQUAL(connect_to(device, 1, device), device % 2 ? GATE_LATER : GATE_NEVER);
        EQUAL(told_ticket, device);
    }
}

static void test_a_full_table_still_renews_and_removes(void) {
    start();
    for (unsigned device = 1; device <= GATE_DEVICES; device++)
        put(device, GATE_QUARANTINED, device, 0);
    int place = put(7, GATE_CONFIRMED, 77, 0);
    CHECK(place >= 0);
    EQUAL(connect_to(7, 1, 1), GATE_NEVER);
    gate_key gone = key_of(9);
    int left = gate_remove(&it, &gone);
    CHECK(left >= 0 && left != place);
    EQUAL(gate_remove(&it, &gone), -1);
    EQUAL(connect_to(9, 1, 2), GATE_PASS);
    EQUAL(put(99, GATE_QUARANTINED, 0, 0), left);
    EQUAL(connect_to(99, 1, 3), GATE_LATER);
}

static void test_a_verdict_ends_by_itself(void) {
    start();
    put(1, GATE_QUARANTINED, 1, 10);
    put(2, GATE_QUARANTINED, 2, 0);
    wait_s(9);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    wait_s(1);
    EQUAL(connect_to(1, 1, 2), GATE_PASS);
    EQUAL(told_ticket, 0);
    wait_s(100000);
    EQUAL(connect_to(2, 1, 3), GATE_LATER);
}

/* As after a soft reset of a board that has run for 40 days. */
static void test_what_the_clock_shows_at_first_is_no_time_passed(void) {
    gate_init(&it, 1, 2);
    put(1, GATE_QUARANTINED, 0, 86400);
    put(2, GATE_THROTTLED, 0, 86400);
    drain(2, 3600);
    now_ms = 40u * 86400000;
    gate_at(&it, now_ms);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    EQUAL(connect_to(2, 1, 1), GATE_LATER);
    wait_s(3600);
    EQUAL(connect_to(1, 1, 2), GATE_LATER);
    gate_limits(&it, 3600, 60, 300);
    EQUAL(connect_to(2, 1, 2), GATE_PASS);
}

static void test_renewing_prolongs(void) {
    start();
    put(1, GATE_QUARANTINED, 1, 10);
    wait_s(8);
    put(1, GATE_QUARANTINED, 1, 10);
    wait_s(8);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    wait_s(2);
    EQUAL(connect_to(1, 1, 2), GATE_PASS);
}

static void test_an_ended_verdict_makes_room(void) {
    start();
    put(1, GATE_QUARANTINED, 0, 10);
    for (unsigned device = 2; device <= GATE_DEVICES; device++)
        put(device, GATE_QUARANTINED, 0, 0);
    EQUAL(put(50, GATE_QUARANTINED, 0, 0), -1);
    wait_s(10);
    CHECK(put(50, GATE_QUARANTINED, 0, 0) >= 0);
    EQUAL(connect_to(50, 1, 1), GATE_LATER);
    EQUAL(connect_to(1, 1, 1), GATE_PASS);
}

static void test_behind_a_relay_the_address_counts_for_more(void) {
    static const unsigned FAMILIES[] = { 4, 6 };
    for (unsigned i = 0; i < 2; i++) {
        for (int is_first = 0; is_first < 2; is_first++) {
            unsigned family = FAMILIES[i];
            gate_key behind = key_behind(1, family, 21);
            gate_verdict stopped = { GATE_QUARANTINED, 0, 0x21, 0 };
            packet made = { .family = family, .device = 21, .server = 1, .port = 25, .flags = SYN };
            start();
            at("IPv%u, the relay's %s", family, is_first ? "first" : "last");
            if (is_first)
                put(1, GATE_GRANTED, 1, 0);
            gate_put(&it, &behind, &stopped);
            if (!is_first)
                put(1, GATE_GRANTED, 1, 0);
            EQUAL(judged_from(1, &made), GATE_LATER);
            EQUAL(told_ticket, 0x21);
            made.device = 22;
            EQUAL(judged_from(1, &made), GATE_PASS);
            EQUAL(told_ticket, 1);
            made.device = 21;
            made.family = 10 - family;
            EQUAL(judged_from(1, &made), GATE_PASS); /* nothing is known of its other address */
            EQUAL(judged_from(2, &made), GATE_PASS);
            gate_remove(&it, &behind);
            made.family = family;
            EQUAL(judged_from(1, &made), GATE_PASS);
        }
    }
}

static void test_keys_differ_in_every_part(void) {
    start();
    gate_key keys[] = { key_of(1), key_behind(1, 4, 21), key_behind(1, 4, 22), key_behind(1, 6, 21), key_behind(2, 4, 21) };
    gate_verdict stopped = { GATE_QUARANTINED, 0, 0, 0 };
    int places = 0;
    for (unsigned i = 0; i < 5; i++)
        places |= 1 << gate_put(&it, &keys[i], &stopped);
    EQUAL(places, 31);
    for (unsigned i = 0; i < 5; i++)
        EQUAL(gate_put(&it, &keys[i], &stopped), i);
    keys[0].mac[0] ^= 0x80;
    EQUAL(gate_remove(&it, &keys[0]), -1);
    keys[0].mac[0] ^= 0x80;
    keys[0].mac[5] ^= 1;
    EQUAL(gate_remove(&it, &keys[0]), -1);
}

static void test_the_last_device_is_not_taken_for_another(void) {
    start();
    put(1, GATE_QUARANTINED, 1, 5);
    put(2, GATE_CONFIRMED, 2, 0);
    for (unsigned turn = 0; turn < 20; turn++) {
        EQUAL(connect_to(1, 1, turn), GATE_LATER);
        EQUAL(connect_to(1, 1, turn), GATE_LATER);
        EQUAL(connect_to(2, 1, turn), GATE_NEVER);
        EQUAL(connect_to(3, 1, turn), GATE_PASS);
        EQUAL(told_ticket, 0);
    }
    gate_key gone = key_of(2);
    EQUAL(connect_to(2, 1, 1), GATE_NEVER);
    gate_remove(&it, &gone);
    EQUAL(connect_to(2, 1, 1), GATE_PASS); /* looked up last, and gone */
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
    wait_s(5);
    EQUAL(connect_to(1, 1, 1), GATE_PASS); /* looked up last, and over */
}

static void test_macs_with_zeros(void) {
    static const uint8_t MACS[3][6] = { { 2, 17, 34, 51, 0, 0 }, { 0, 0, 0, 0, 4, 5 }, { 0, 0, 0, 0, 0, 1 } };
    packet made = { .device = 1, .port = 25, .flags = SYN };
    gate_verdict stopped = { GATE_QUARANTINED, 0, 7, 0 };
    for (unsigned i = 0; i < 3; i++) {
        gate_packet p;
        gate_key key = { .family = 0 };
        start();
        memcpy(key.mac, MACS[i], 6);
        CHECK(gate_put(&it, &key, &stopped) >= 0);
        read_packet(&p, &made);
        p.mac = MACS[i];
        EQUAL(gate_judge(&it, &p, &told_ticket), GATE_LATER);
        p.mac = MACS[(i + 1) % 3];
        EQUAL(gate_judge(&it, &p, &told_ticket), GATE_PASS);
    }
}

static void test_what_has_no_mac_passes(void) {
    gate_packet p;
    packet made = { .device = 1, .port = 25, .flags = SYN };
    uint8_t nothing[6] = { 0 };
    start();
    put(0, GATE_QUARANTINED, 0, 0);
    read_packet(&p, &made);
    p.mac = 0;
    EQUAL(gate_judge(&it, &p, &told_ticket), GATE_PASS);
    p.mac = nothing;
    EQUAL(gate_judge(&it, &p, &told_ticket), GATE_PASS);
}

TESTS(TEST(test_an_empty_table_lets_all_pass), TEST(test_each_state_and_each_kind_of_packet),
      TEST(test_a_full_table_says_so_and_forgets_nobody), TEST(test_a_full_table_still_renews_and_removes),
      TEST(test_a_verdict_ends_by_itself), TEST(test_what_the_clock_shows_at_first_is_no_time_passed),
      TEST(test_renewing_prolongs), TEST(test_an_ended_verdict_makes_room),
      TEST(test_behind_a_relay_the_address_counts_for_more), TEST(test_keys_differ_in_every_part),
      TEST(test_the_last_device_is_not_taken_for_another), TEST(test_macs_with_zeros),
      TEST(test_what_has_no_mac_passes));

int main(void) { return RUN_TESTS(); }
