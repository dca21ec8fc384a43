/* Refusals spoken in the server's place: correct TCP and SMTP for clients that wait, that pipeline and that send again. */
#include <string.h>

#include "check.h"
#include "talker.h"

#define DEVICE 11
#define LATER "421 4.7.0 Too much mail from here, try later; ticket ABC123\r\n"
#define NEVER "554 5.7.1 No mail from here; ticket ABC123, see http://192.168.77.1/\r\n"
#define SORRY "503 5.5.1 No mail from here\r\n"
#define BYE "221 2.0.0 Bye\r\n"

static void start(enum gate_state state) {
    gate_key key = { .family = 0 };
    gate_verdict verdict = { (uint8_t)state, 0, 0xabc123, 0 };
    house_start();
    device_mac(key.mac, DEVICE);
    gate_put(&the_gate, &key, &verdict);
}

/* The client is through with it: it heard this, and all it sent is acknowledged. */
static void check_talk(const talker *t, const char *heard, int is_ended) {
    EQUAL(t->wrong, 0);
    EQUAL(t->is_ended, is_ended);
    EQUAL(t->resend, t->seq);
    EQUAL(to_wan.count, 0);
    if (!CHECK(!strcmp(t->heard, heard)))
        at("IPv%u heard: %s", t->ends.family, t->heard);
}

#define EACH_FAMILY for (unsigned family = 4; family <= 6; family += 2)

/* --- 421 ------------------------------------------------------------------------------------------------- */

static void test_later_to_a_client_that_waits(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 1);
        start(GATE_QUARANTINED);
        talker_connect(&t);
        CHECK(t.is_connected);
        talker_acknowledge(&t);
        check_talk(&t, LATER, 1);
        talker_acknowledge(&t);
        talker_finish(&t);
        check_talk(&t, LATER, 1);
        EQUAL(t.replies, 3);
        talker_acknowledge(&t);
        EQUAL(t.replies, 3);
        EQUAL(t.is_reset, 0);
    }
}

static void test_later_to_a_client_that_talks_at_once(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 2);
        start(GATE_QUARANTINED);
        talker_connect(&t);
        talker_say(&t, "EHLO bot.example\r\nMAIL FROM:<a@b.example>\r\n");
        check_talk(&t, LATER, 1);
        talker_say(&t, "RCPT TO:<c@d.example>\r\n");
        talker_say(&t, "QUIT\r\n");
        talker_finish(&t);
        check_talk(&t, LATER, 1);
        EQUAL(t.is_reset, 0);
    }
}

static void test_later_is_said_again(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 3);
        start(GATE_QUARANTINED);
        t.is_deaf = 1;
        talker_connect(&t); /* the SYN's answer is lost */
        t.is_deaf = 0;
        talker_connect(&t);
        talker_connect(&t); /* and once more: the same answer */
        EQUAL(t.wrong, 0);
        t.is_deaf = 1;
        talker_say(&t, "EHLO x.example\r\n"); /* the banner is lost */
        t.is_deaf = 0;
        EQUAL(t.heard_bytes, 0);
        talker_again(&t, "EHLO x.example\r\n");
        check_talk(&t, LATER, 1);
        t.is_deaf = 1;
        talker_finish(&t);
        t.is_deaf = 0;
        t.seq--;
        talker_finish(&t);
        check_talk(&t, LATER, 1);
    }
}

static void test_later_to_a_client_that_has_heard_half_of_it(void) {
    talker t = talker_of(4, DEVICE, 15);
    start(GATE_QUARANTINED);
    talker_connect(&t);
    t.is_deaf = 1;
    t.next += 10;
    talker_say(&t, "QUIT\r\n");
    const uint8_t *tcp = to_lan.frame[1].bytes + ETHERNET + 20;
    EQUAL(get32(tcp + 4), t.peer + 1 + sizeof LATER - 1 + 1); /* behind all that was said, and the FIN */
    EQUAL(get32(tcp + 8), t.seq);
    EQUAL(tcp[13], ACK);
}

/* --- 554 -------------------------------------------------------------------------------------------------- */

static void test_never_to_a_client_that_waits(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 4);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        talker_acknowledge(&t);
        check_talk(&t, NEVER, 0);
        talker_acknowledge(&t);
        talker_say(&t, "EHLO x.example\r\n");
        check_talk(&t, NEVER SORRY, 0);
        talker_say(&t, "HELO x.example\r\n");
        talker_say(&t, "MAIL FROM:<a@b.example>\r\n");
        check_talk(&t, NEVER SORRY SORRY SORRY, 0);
        talker_say(&t, "QUIT\r\n");
        check_talk(&t, NEVER SORRY SORRY SORRY BYE, 1);
        talker_acknowledge(&t);
        talker_finish(&t);
        check_talk(&t, NEVER SORRY SORRY SORRY BYE, 1);
        EQUAL(t.is_reset, 0);
    }
}

static void test_never_to_a_client_that_pipelines(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 5);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        talker_acknowledge(&t);
        talker_say(&t, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
        check_talk(&t, NEVER SORRY SORRY SORRY, 0);
        talker_say(&t, "RSET\r\nQUIT\r\n");
        EQUAL(t.wrong, 0);
        CHECK(t.is_ended);
        CHECK(strstr(t.heard, BYE) != 0);
    }
}

static void test_never_to_a_client_that_talks_before_it_listens(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 6);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        talker_say(&t, "HELO bot\r\n");
        EQUAL(t.resend, t.first + 1); /* not acknowledged before the banner is heard */
        CHECK(!strcmp(t.heard, NEVER));
        talker_acknowledge(&t);
        talker_again(&t, "HELO bot\r\n");
        check_talk(&t, NEVER SORRY, 0);
    }
}

static void test_never_byte_by_byte(void) {
    static const char LINES[] = "EHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n";
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 7);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        talker_acknowledge(&t);
        for (const char *at = LINES; *at; at++)
            talker_say(&t, (char[]){ *at, 0 });
        check_talk(&t, NEVER SORRY SORRY SORRY, 0);
    }
}

static void test_never_is_said_again(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 8);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        t.is_deaf = 1;
        talker_acknowledge(&t); /* the banner is lost; whoever talks hears it */
        t.is_deaf = 0;
        talker_say(&t, "EHLO x.example\r\n");
        CHECK(!strcmp(t.heard, NEVER));
        t.is_deaf = 1;
        talker_again(&t, "EHLO x.example\r\n"); /* its answer is lost */
        t.is_deaf = 0;
        talker_again(&t, "EHLO x.example\r\n");
        check_talk(&t, NEVER SORRY, 0);
        t.is_deaf = 1;
        talker_say(&t, "QUIT\r\n");
        t.is_deaf = 0;
        talker_again(&t, "QUIT\r\n");
        check_talk(&t, NEVER SORRY BYE, 1);
    }
}

static void test_quit_is_a_line_of_its_own(void) {
    static const struct { const char *said; int is_ended; } SAID[] = {
        { "QUIT\r\n", 1 }, { "quit\r\n", 1 }, { "Quit\n", 1 }, { "NOOP\r\nQUIT\r\n", 1 }, { "RSET\nqUIT\r\n", 1 },
        { "NOQUIT\r\n", 0 }, { "MAIL FROM:<quit@x.example>\r\n", 0 }, { "QUI\r\nT\r\n", 0 }, { "QU", 0 }, { "\r\n", 0 },
        { "RCPT TO:<x>\r\n quit\r\n", 0 },
    };
    for (unsigned i = 0; i < sizeof SAID / sizeof *SAID; i++) {
        talker t = talker_of(4, DEVICE, 100 + i);
        start(GATE_CONFIRMED);
        talker_connect(&t);
        talker_acknowledge(&t);
        talker_say(&t, SAID[i].said);
        at("said: %s", SAID[i].said);
        EQUAL(t.is_ended, SAID[i].is_ended);
        EQUAL(t.wrong, 0);
    }
}

static void test_a_client_that_only_looks(void) {
    static const enum gate_state STATES[] = { GATE_QUARANTINED, GATE_CONFIRMED };
    for (unsigned i = 0; i < 2; i++) {
        EACH_FAMILY {
            talker t = talker_of(family, DEVICE, 9);
            start(STATES[i]);
            talker_connect(&t);
            talker_acknowledge(&t);
            talker_acknowledge(&t);
            talker_finish(&t);
            EQUAL(t.wrong, 0);
            CHECK(t.is_ended);
            EQUAL(t.resend, t.seq);
            unsigned replies = t.replies;
            talker_acknowledge(&t);
            EQUAL(t.replies, replies);
        }
    }
}

static void test_a_reset_ends_it_without_a_word(void) {
    talker t = talker_of(4, DEVICE, 10);
    start(GATE_CONFIRMED);
    talker_connect(&t);
    talker_acknowledge(&t);
    talker_reset(&t);
    EQUAL(t.replies, 2); /* without an ACK it cannot be told whose it is: it goes on, and nobody there knows it either */
}

/* --- what is not ours; never exhausted ------------------------------------------------------------------------ */

static void test_a_connection_of_before_is_none_of_ours(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 11);
        start(GATE_CONFIRMED);
        t.next = 0x5000000;
        talker_acknowledge(&t);
        EQUAL(t.replies, 0);
        EQUAL(to_wan.count, 1); /* a bare acknowledgement may pass */
        talker_say(&t, "RCPT TO:<a@b.example>\r\n");
        CHECK(t.is_reset);
        EQUAL(t.wrong, 0);
        EQUAL(to_wan.count, 1);
    }
}

static void test_thousands_at_a_time(void) {
    static talker all[3000];
    unsigned whole = 0;
    start(GATE_CONFIRMED);
    for (unsigned i = 0; i < 3000; i++) {
        all[i] = talker_of(i % 2 ? 4 : 6, DEVICE, i * 13);
        talker_connect(&all[i]);
    }
    for (unsigned i = 0; i < 3000; i++)
        talker_acknowledge(&all[2999 - i]);
    for (unsigned i = 0; i < 3000; i++)
        talker_say(&all[i], "EHLO x.example\r\n");
    for (unsigned i = 0; i < 3000; i++) {
        talker_say(&all[i], "QUIT\r\n");
        whole += !strcmp(all[i].heard, NEVER SORRY BYE) && !all[i].wrong && all[i].is_ended;
    }
    EQUAL(whole, 3000);
    for (unsigned i = 0; i < GATE_FLOWS; i++)
        EQUAL(the_gate.flows[i], 0); /* what is refused takes no entry of the NAPT */
}

static void test_numbers_differ_from_end_to_end(void) {
    static uint32_t seen[4000];
    unsigned count = 0, twice = 0;
    start(GATE_QUARANTINED);
    for (unsigned i = 0; i < 4000; i++) {
        talker t = talker_of(i % 2 ? 4 : 6, DEVICE, i);
        talker_connect(&t);
        for (unsigned k = 0; k < count; k++)
            twice += seen[k] == t.peer;
        seen[count++] = t.peer;
    }
    CHECK(twice < 4);
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

static void test_texts_have_limits(void) {
    static char text[400];
    static const uint32_t ROOM[] = { GATE_BANNER_BYTES, GATE_BANNER_BYTES, GATE_LINE_BYTES, GATE_LINE_BYTES };
    house_start();
    memset(text, 'x', sizeof text);
    for (unsigned which = 0; which < 4; which++) {
        EQUAL(gate_texts_set(&the_texts, (enum gate_text)which, text, ROOM[which]), 0);
        EQUAL(gate_texts_set(&the_texts, (enum gate_text)which, text, ROOM[which] + 1), -1);
    }
    talker t = talker_of(6, DEVICE, 12);
    gate_key key = { .family = 0 };
    gate_verdict verdict = { GATE_CONFIRMED, 0, 1, 0 };
    device_mac(key.mac, DEVICE);
    gate_put(&the_gate, &key, &verdict);
    talker_connect(&t);
    talker_acknowledge(&t);
    EQUAL(t.heard_bytes, GATE_BANNER_BYTES);
    talker_say(&t, "1\n2\n3\n4\n5\n6\n7\n8\n");
    EQUAL(t.wrong, 0);
}

static void test_without_a_text_it_is_a_reset(void) {
    EACH_FAMILY {
        talker t = talker_of(family, DEVICE, 13);
        start(GATE_CONFIRMED);
        gate_texts_set(&the_texts, GATE_TEXT_NEVER, "", 0);
        talker_connect(&t);
        CHECK(t.is_reset && !t.is_connected);
        EQUAL(t.wrong, 0);
    }
}

static void test_the_ticket_is_six_digits(void) {
    static const struct { uint32_t ticket; const char *wanted; } TICKETS[] = {
        { 0, "000000" }, { 1, "000001" }, { 0xffffff, "FFFFFF" }, { 0x1000000, "000000" }, { 0xa0b0c0, "A0B0C0" },
    };
    for (unsigned i = 0; i < 5; i++) {
        talker t = talker_of(4, DEVICE, 14);
        gate_key key = { .family = 0 };
        gate_verdict verdict = { GATE_QUARANTINED, 0, TICKETS[i].ticket, 0 };
        house_start();
        device_mac(key.mac, DEVICE);
        gate_put(&the_gate, &key, &verdict);
        talker_connect(&t);
        talker_acknowledge(&t);
        CHECK(strstr(t.heard, TICKETS[i].wanted) != 0);
        CHECK(strchr(t.heard, '#') == 0);
    }
}

TESTS(TEST(test_later_to_a_client_that_waits), TEST(test_later_to_a_client_that_talks_at_once),
      TEST(test_later_is_said_again), TEST(test_later_to_a_client_that_has_heard_half_of_it),
      TEST(test_never_to_a_client_that_waits),
      TEST(test_never_to_a_client_that_pipelines), TEST(test_never_to_a_client_that_talks_before_it_listens),
      TEST(test_never_byte_by_byte), TEST(test_never_is_said_again), TEST(test_quit_is_a_line_of_its_own),
      TEST(test_a_client_that_only_looks), TEST(test_a_reset_ends_it_without_a_word),
      TEST(test_a_connection_of_before_is_none_of_ours), TEST(test_thousands_at_a_time),
      TEST(test_numbers_differ_from_end_to_end), TEST(test_texts_have_limits), TEST(test_without_a_text_it_is_a_reset),
      TEST(test_the_ticket_is_six_digits));

int main(void) { return RUN_TESTS(); }
