/* A throttled device's bucket: empty at the verdict, one connection when it has filled, one message a connection. */
#include "check.h"
#include "judging.h"

#define REFILL_S 60

/* Device 1 is throttled, and so is its bucket for a minute. */
static void throttle(void) {
    start();
    gate_limits(&it, REFILL_S, 60, 300);
    put(1, GATE_THROTTLED, 0x1a2b3c, 0);
    drain(1, REFILL_S);
}

static void test_it_starts_empty(void) {
    throttle();
    for (unsigned attempt = 1; attempt <= REFILL_S; attempt++) {
        EQUAL(connect_to(1, 1, attempt), GATE_LATER);
        EQUAL(told_ticket, 0x1a2b3c);
        if (attempt < REFILL_S)
            wait_s(1);
    }
    wait_s(1);
    EQUAL(connect_to(1, 1, 100), GATE_PASS);
}

static void test_it_holds_one_connection(void) {
    throttle();
    wait_s(REFILL_S * 50);
    EQUAL(connect_to(1, 1, 1), GATE_PASS);
    EQUAL(connect_to(1, 1, 2), GATE_LATER);
    EQUAL(connect_to(1, 2, 3), GATE_LATER);
}

static void test_it_fills_once_a_period(void) {
    unsigned passed = 0;
    throttle();
    for (unsigned second = 0; second < REFILL_S * 10; second++) {
        wait_s(1);
        passed += connect_to(1, 1, second) == GATE_PASS;
    }
    EQUAL(passed, 10);
}

static void test_the_same_syn_again_is_free(void) {
    throttle();
    wait_s(REFILL_S);
    EQUAL(connect_to(1, 1, 5), GATE_PASS);
    for (unsigned again = 0; again < 6; again++) {
        wait_s(1);
        EQUAL(connect_to(1, 1, 5), GATE_PASS);
    }
    EQUAL(connect_to(1, 1, 6), GATE_LATER);
    packet other_isn = { .device = 1, .server = 1, .port = 25, .client_port = 40005, .seq = 1, .flags = SYN };
    EQUAL(judged(&other_isn), GATE_LATER);
    drain(1, REFILL_S);
    EQUAL(connect_to(1, 1, 5), GATE_LATER); /* a new verdict: it does not come back with the old one */
}

static void test_the_same_syn_elsewhere_is_not_free(void) {
    throttle();
    wait_s(REFILL_S);
    EQUAL(connect_to(1, 1, 5), GATE_PASS);
    EQUAL(connect_to(1, 2, 5), GATE_LATER);
    packet other_address = { .family = 6, .device = 1, .server = 1, .port = 25, .client_port = 40005, .seq = 5 * 7919,
                             .flags = SYN };
    EQUAL(judged(&other_address), GATE_LATER);
    EQUAL(connect_to(1, 1, 5), GATE_PASS);
}

static void test_a_syn_is_not_free_once_the_connection_speaks(void) {
    packet handshake = { .device = 1, .server = 9, .port = 25, .client_port = 40001, .seq = 7920, .flags = ACK };
    throttle();
    wait_s(REFILL_S);
    EQUAL(connect_to(1, 9, 1), GATE_PASS);
    EQUAL(connect_to(1, 9, 1), GATE_PASS);
    EQUAL(judged(&handshake), GATE_ASK);
    EQUAL(connect_to(1, 9, 1), GATE_LATER);
}

static void test_without_a_refill_nothing_passes(void) {
    throttle();
    gate_limits(&it, 0, 60, 300);
    wait_s(REFILL_S * 1000);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
}

static void test_renewing_a_verdict_does_not_fill_it(void) {
    throttle();
    wait_s(REFILL_S);
    EQUAL(connect_to(1, 1, 1), GATE_PASS);
    for (unsigned turn = 2; turn < 20; turn++) {
        put(1, GATE_THROTTLED, turn, 1000);
        EQUAL(connect_to(1, 1, turn), GATE_LATER);
    }
    EQUAL(connect_to(1, 1, 1), GATE_PASS); /* its SYN again, still */
}

static void test_leaving_and_coming_back_starts_empty(void) {
    gate_key key = key_of(1);
    throttle();
    wait_s(REFILL_S * 2);
    EQUAL(connect_to(2, 1, 1), GATE_PASS); /* somebody's mail: what control said is taken over */
    gate_remove(&it, &key);
    put(1, GATE_THROTTLED, 1, 0);
    drain(1, REFILL_S);
    EQUAL(connect_to(1, 1, 1), GATE_LATER);
}

static void test_draining_whom_nobody_knows(void) {
    throttle();
    EQUAL(drain(2, 10), -1);
}

/* --- messages over one connection ------------------------------------------------------------------ */

/* Device 1 has been let through once: port 40001. */
static void admitted(void) {
    throttle();
    wait_s(REFILL_S);
    EQUAL(connect_to(1, 9, 1), GATE_PASS);
    EQUAL(say(1, 1, 1000, "EHLO camera.example\r\n"), GATE_ASK);
}

static void test_a_connection_pays_for_one_message(void) {
    admitted();
    EQUAL(say(1, 1, 1021, "MAIL FROM:<a@b.example>\r\n"), GATE_ASK);
    EQUAL(say(1, 1, 1021, "MAIL FROM:<a@b.example>\r\n"), GATE_ASK); /* the segment again */
    EQUAL(say(1, 1, 1046, "RCPT TO:<c@d.example>\r\n"), GATE_ASK);
    EQUAL(say(1, 1, 1069, "DATA\r\n"), GATE_ASK);
    EQUAL(say(1, 1, 1075, "Subject: x\r\n\r\n.\r\n"), GATE_ASK);
    EQUAL(say(1, 1, 1092, "MAIL FROM:<a@b.example>\r\n"), GATE_RESET);
    EQUAL(say(1, 1, 1092, "MAIL FROM:<a@b.example>\r\n"), GATE_RESET);
}

static void test_the_same_segment_elsewhere_has_not_paid(void) {
    packet elsewhere = { .device = 1, .server = 8, .port = 25, .client_port = 40001, .seq = 1021, .flags = ACK | PSH,
                         .text = "MAIL FROM:<a@b.example>\r\n" };
    admitted();
    EQUAL(say(1, 1, 1021, "MAIL FROM:<a@b.example>\r\n"), GATE_ASK);
    EQUAL(judged(&elsewhere), GATE_RESET);
}

/* What the rest of a datagram says is not seen, so its first fragment does not pass. */
static void test_a_message_in_fragments(void) {
    static const uint8_t MORE[8] = { 6, 0, 0, 1, 0, 0, 0, 7 };
    packet part = { .device = 1, .server = 9, .port = 25, .client_port = 40001, .seq = 1021, .flags = ACK,
                    .fragment = 0x2000 };
    packet part6 = { .family = 6, .device = 1, .server = 9, .port = 25, .client_port = 40001, .seq = 1021, .flags = ACK,
                     .first = 44, .options = MORE, .options_bytes = 8 };
    uint8_t mac[6], server[4];
    device_mac(mac, 1);
    server_address(server, 4, 9);
    admitted();
    EQUAL(judged(&part), GATE_RESET);
    EQUAL(judged(&part6), GATE_RESET);
    put(1, GATE_QUARANTINED, 0, 0);
    EQUAL(judged(&part), GATE_RESET);
    EQUAL(judged(&part6), GATE_RESET);
    put(1, GATE_THROTTLED, 0, 0);
    gate_past(&it, mac, server, 4, 1);
    EQUAL(judged(&part), GATE_PASS);
    device_address(mac, 4, 1);
    gate_end(&it, mac, 40001, server, 4);
    EQUAL(judged(&part), GATE_RESET);
}

static void test_a_second_message_in_every_disguise(void) {
    static const char *const LINES[] = {
        "MAIL FROM:<>\r\n", "mail from:<>\r\n", "MaIl FROM:<>\r\n", "RSET\r\nMAIL FROM:<>\r\n", "rset\r\nmail from:<>\r\n",
        "MAIL  FROM:<>\r\n", "MAIL\tFROM :<>\r\n", "MAIL", "mail ", "MAIL FR", "MAIL FROM", "RSET\r\nMAIL F",
        "NOOP\r\nMAIL FROM:<>\r\n", ".\r\nMAIL FROM:<>\r\n", "end of it\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.example>\r\n",
    };
    for (unsigned i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        admitted();
        EQUAL(say(1, 1, 1021, "MAIL FROM:<a@b.example>\r\n"), GATE_ASK);
        at("%s", LINES[i]);
        EQUAL(say(1, 1, 2000, LINES[i]), GATE_RESET);
    }
}

static void test_what_is_no_new_message(void) {
    static const char *const LINES[] = {
        "MAI", "QUIT\r\n", "RSET\r\n", "I MAIL you\r\n", "so\r\nMAIL me at once\r\n", ".\r\nQUIT\r\n", "\r\n.\r\n", "\r", "M",
        "mail goes on\r\n", "mail from here", "mails", "MAIL\r\n", "RSET\r\n", ".\r\nmail it\r\n", "x\r\n.\r\nmail it",
        "SEND FROM:<a@b.example>\r\n", "VRFY FROM:x\r\n", ".\r\nSOML FROM:<>\r\n",
    };
    for (unsigned i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        admitted();
        EQUAL(say(1, 1, 1021, "MAIL FROM:<a@b.example>\r\n"), GATE_ASK);
        at("%s", LINES[i]);
        EQUAL(say(1, 1, 2000, LINES[i]), GATE_ASK);
    }
}

static void test_connections_of_before_have_not_paid(void) {
    throttle();
    EQUAL(say(1, 7, 500, "RCPT TO:<c@d.example>\r\n"), GATE_ASK); /* what is under way may end */
    EQUAL(say(1, 7, 523, "MAIL FROM:<a@b.example>\r\n"), GATE_RESET);
}

static void test_messages_are_not_saved_up(void) {
    unsigned passed = 0;
    throttle();
    for (unsigned turn = 1; turn <= 3; turn++) {
        wait_s(REFILL_S);
        EQUAL(connect_to(1, 9, turn), GATE_PASS);
    }
    for (unsigned message = 0; message < 10; message++)
        passed += say(1, 3, 1000 + message * 100, "MAIL FROM:<>\r\n") == GATE_ASK;
    EQUAL(passed, 1);
}

static void test_a_server_with_a_past_is_not_counted(void) {
    uint8_t mac[6], server[4];
    device_mac(mac, 1);
    server_address(server, 4, 9);
    throttle();
    gate_past(&it, mac, server, 4, 1);
    for (unsigned attempt = 1; attempt < 10; attempt++) {
        EQUAL(connect_to(1, 9, attempt), GATE_PASS);
        EQUAL(say(1, attempt, 1000, "MAIL FROM:<a@b.example>\r\n"), GATE_PASS);
        EQUAL(connect_to(1, 8, attempt), GATE_LATER);
    }
    gate_past(&it, mac, server, 4, 0);
    EQUAL(connect_to(1, 9, 11), GATE_LATER);
}

TESTS(TEST(test_it_starts_empty), TEST(test_it_holds_one_connection), TEST(test_it_fills_once_a_period),
      TEST(test_the_same_syn_again_is_free), TEST(test_the_same_syn_elsewhere_is_not_free),
      TEST(test_a_syn_is_not_free_once_the_connection_speaks), TEST(test_without_a_refill_nothing_passes),
      TEST(test_renewing_a_verdict_does_not_fill_it), TEST(test_leaving_and_coming_back_starts_empty),
      TEST(test_draining_whom_nobody_knows), TEST(test_a_connection_pays_for_one_message),
      TEST(test_the_same_segment_elsewhere_has_not_paid), TEST(test_a_message_in_fragments),
      TEST(test_a_second_message_in_every_disguise), TEST(test_what_is_no_new_message),
      TEST(test_connections_of_before_have_not_paid), TEST(test_messages_are_not_saved_up),
      TEST(test_a_server_with_a_past_is_not_counted));

int main(void) { return RUN_TESTS(); }
