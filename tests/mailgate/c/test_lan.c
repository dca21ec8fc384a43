/* Several LANs, a LAN that goes and comes, and a device that floods connections, in lwIP. */
#include <string.h>

#include "check.h"
#include "house.h"

#define DEVICE 11

static void open_flow(unsigned device, unsigned protocol, unsigned number) {
    packet made = { .device = device, .server = 1 + number / 50000, .port = 443, .protocol = protocol, .flags = SYN,
                    .client_port = 1024 + number % 50000 };
    house_send(&made);
}

static void test_a_device_that_floods_is_held_to_its_share(void) {
    for (unsigned protocol = 6; protocol <= 17; protocol += 11) {
        house_start();
        unsigned buffers = house_buffers();
        for (unsigned number = 0; number < 2000; number++)
            open_flow(DEVICE, protocol, number);
        at("protocol %u: %u passed", protocol, to_wan.count);
        CHECK(to_wan.count >= GATE_FLOWS_A_DEVICE && to_wan.count <= GATE_FLOWS_A_DEVICE + 16);
        EQUAL(to_lan.count, protocol == 6 ? 2000 - to_wan.count : 0); /* resets; datagrams are dropped */
        EQUAL(the_gate.counts.crowded, 2000 - to_wan.count);
        EQUAL(house_buffers(), buffers);
        house_forget();
        for (unsigned number = 0; number < 30; number++)
            open_flow(12, protocol, number);
        EQUAL(to_wan.count, 30);
    }
}

static void test_resets_of_a_crowd_are_right(void) {
    house_start();
    for (unsigned number = 0; number < 200; number++)
        open_flow(DEVICE, 6, number);
    house_forget();
    open_flow(DEVICE, 6, 1500);
    EQUAL(to_lan.count, 1);
    CHECK(checksums_hold(to_lan.frame[0].bytes, to_lan.frame[0].size));
    EQUAL(to_lan.frame[0].bytes[ETHERNET + 33], RST | ACK);
    EQUAL(get32(to_lan.frame[0].bytes + ETHERNET + 28), 1); /* acknowledges the SYN */
}

static void test_what_needs_no_entry_is_not_counted(void) {
    house_start();
    for (unsigned number = 0; number < 500; number++) {
        packet six = { .family = 6, .device = DEVICE, .server = 1, .port = 443, .flags = SYN, .client_port = 1024 + number };
        packet stray = { .device = DEVICE, .server = 1, .port = 443, .flags = ACK, .client_port = 1024 + number };
        house_send(&six);
        house_send(&stray);
    }
    EQUAL(to_wan.count, 1000);
    for (unsigned i = 0; i < GATE_FLOWS; i++)
        EQUAL(the_gate.flows[i], 0);
}

static void test_the_share_comes_back_with_time(void) {
    house_start();
    for (unsigned number = 0; number < 300; number++)
        open_flow(DEVICE, 17, number);
    house_wait_ms(5000);
    house_forget();
    for (unsigned number = 1000; number < 1100; number++)
        open_flow(DEVICE, 17, number);
    EQUAL(to_wan.count, 100);
}

/* --- LANs ---------------------------------------------------------------------------------------------- */

static void stop_device(void) {
    gate_key key = { .family = 0 };
    gate_verdict verdict = { GATE_CONFIRMED, 0, 1, 0 };
    device_mac(key.mac, DEVICE);
    gate_put(&the_gate, &key, &verdict);
}

static void test_guests_are_judged_and_answered_on_their_own(void) {
    uint8_t frame[FRAME_BYTES];
    packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
    unsigned size = make_frame(frame, &made);
    memcpy(frame, guests.hwaddr, 6);
    frame[ETHERNET + 14] = 88; /* 192.168.88.11 */
    set_checksums(frame);
    house_start();
    stop_device();
    house_receive(&guests, frame, size);
    EQUAL(to_guests.count, 1);
    EQUAL(to_lan.count + to_wan.count, 0);
    CHECK(checksums_hold(to_guests.frame[0].bytes, to_guests.frame[0].size));
    SAME_BYTES(to_guests.frame[0].bytes + 6, guests.hwaddr, 6);
    house_receive(&lan, frame, size); /* an address of the guests on the LAN is forged */
    EQUAL(to_guests.count, 1);
    EQUAL(to_lan.count, 0);
}

static void test_a_lan_that_goes_is_let_alone(void) {
    packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
    netif_linkoutput_fn wrapped = lan.linkoutput;
    house_start();
    stop_device();
    gate_detach(&lan);
    CHECK(lan.linkoutput != wrapped);
    gate_detach(&lan); /* twice is no harm */
    house_send(&made);
    EQUAL(to_wan.count, 1);
    EQUAL(gate_attach(&lan), 0);
    CHECK(lan.linkoutput == wrapped);
    house_send(&made);
    EQUAL(to_wan.count, 1);
    EQUAL(to_lan.count, 1);
}

static err_t send_nowhere(struct netif *netif, struct pbuf *p) {
    (void)netif;
    (void)p;
    return ERR_OK;
}

static void test_there_are_not_more_lans_than_places(void) {
    static struct netif more[GATE_LANS];
    unsigned taken = 0;
    house_start();
    for (unsigned i = 0; i < GATE_LANS; i++) {
        more[i] = guests;
        more[i].num = (u8_t)(20 + i);
        more[i].linkoutput = send_nowhere;
        taken += gate_attach(&more[i]) == 0;
    }
    EQUAL(taken, GATE_LANS - 2);
    for (unsigned i = 0; i < taken; i++) {
        CHECK(more[i].linkoutput != send_nowhere);
        gate_detach(&more[i]);
        CHECK(more[i].linkoutput == send_nowhere);
    }
    EQUAL(gate_attach(&lan), -1); /* it is there already */
}

static void test_the_clock_runs_by_itself(void) {
    house_start();
    uint32_t before = the_gate.now_s;
    house_wait_ms(10000);
    CHECK(the_gate.now_s - before >= 9 && the_gate.now_s - before <= 11);
}

static void test_a_flood_of_questions_leaves_room_for_mail(void) {
    static char question[400] = "anything";
    packet asked = { .device = DEVICE, .server = 1, .port = 53, .protocol = 17, .text = question,
                     .text_bytes = sizeof question };
    packet mail = { .device = DEVICE, .server = 2, .port = 25, .flags = SYN };
    house_start();
    for (unsigned turn = 0; turn < 100; turn++)
        house_send(&asked);
    EQUAL(the_gate.counts.records + the_gate.counts.lost, 100);
    uint32_t before = the_gate.counts.records;
    CHECK(before < 10);
    for (unsigned turn = 0; turn < 10; turn++)
        house_send(&mail);
    EQUAL(the_gate.counts.records, before + 10);
}

static void test_the_ring_overflows_and_verdicts_hold(void) {
    packet line = { .device = 12, .server = 1, .port = 25, .flags = ACK | PSH, .text = "NOOP\r\n" };
    packet stopped = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
    house_start();
    stop_device();
    unsigned buffers = house_buffers();
    for (unsigned turn = 0; turn < 5000; turn++) {
        house_send(&line);
        if (turn % 50 == 0)
            house_send(&stopped);
    }
    EQUAL(to_wan.count, 5000);
    EQUAL(to_lan.count, 100);
    EQUAL(the_gate.counts.acted[GATE_NEVER - 1], 100);
    EQUAL(the_gate.counts.records + the_gate.counts.lost, 5100);
    CHECK(the_gate.counts.records < 100);
    EQUAL(house_buffers(), buffers);
}

TESTS(TEST(test_a_device_that_floods_is_held_to_its_share), TEST(test_resets_of_a_crowd_are_right),
      TEST(test_what_needs_no_entry_is_not_counted), TEST(test_the_share_comes_back_with_time),
      TEST(test_guests_are_judged_and_answered_on_their_own), TEST(test_a_lan_that_goes_is_let_alone),
      TEST(test_there_are_not_more_lans_than_places), TEST(test_the_clock_runs_by_itself),
      TEST(test_a_flood_of_questions_leaves_room_for_mail),
      TEST(test_the_ring_overflows_and_verdicts_hold));

int main(void) { return RUN_TESTS(); }
