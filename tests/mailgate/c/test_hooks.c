/* The hooks in lwIP: what is forwarded, refused and recorded, in one pbuf or several, as fragments, with a VLAN tag. */
#include <string.h>

#include "check.h"
#include "house.h"

#define DEVICE 11

static const unsigned FAMILIES[] = { 4, 6 };

static void put(unsigned device, enum gate_state state) {
    gate_key key = { .family = 0 };
    gate_verdict verdict = { (uint8_t)state, 0, 0xabc123, 0 };
    device_mac(key.mac, device);
    gate_put(&the_gate, &key, &verdict);
}

/* The next record: its head, and the frame in `frame`; 0: there is none. */
static int next_record(gate_record_head *head, uint8_t *frame) {
    uint8_t out[sizeof *head + FRAME_BYTES];
    uint32_t waiting = gate_waiting(&the_gate), bytes = 0;
    for (uint32_t room = 4; room <= waiting && room <= sizeof out && !bytes; room += 4)
        bytes = gate_read(&the_gate, out, room);
    if (!bytes)
        return 0;
    memcpy(head, out, sizeof *head);
    memcpy(frame, out + sizeof *head, head->frame);
    return 1;
}

static unsigned records(void) {
    gate_record_head head;
    uint8_t frame[FRAME_BYTES];
    unsigned count = 0;
    while (next_record(&head, frame))
        count++;
    return count;
}

/* --- what passes ------------------------------------------------------------------------------------- */

static void test_other_packets_are_forwarded_and_not_told(void) {
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned protocol = 6; protocol <= 17; protocol += 11) {
            packet web = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 443, .protocol = protocol,
                           .flags = SYN, .text = "some text" };
            house_start();
            put(DEVICE, GATE_CONFIRMED);
            house_send(&web);
            at("IPv%u, protocol %u", web.family, protocol);
            EQUAL(to_wan.count, 1);
            CHECK(checksums_hold(to_wan.frame[0].bytes, to_wan.frame[0].size));
            EQUAL(to_lan.count, 0);
            EQUAL(records(), 0);
        }
    }
}

static void test_mail_of_the_granted_is_forwarded_and_told(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .flags = ACK | PSH,
                        .text = "MAIL FROM:<a@b.example>\r\n" };
        gate_record_head head;
        uint8_t frame[FRAME_BYTES], told[FRAME_BYTES];
        unsigned size = make_frame(frame, &made);
        house_start();
        put(DEVICE, GATE_GRANTED);
        house_send(&made);
        at("IPv%u", made.family);
        EQUAL(to_wan.count, 1);
        CHECK(checksums_hold(to_wan.frame[0].bytes, to_wan.frame[0].size));
        CHECK(next_record(&head, told));
        EQUAL(head.direction, GATE_OUT);
        EQUAL(head.action, GATE_PASS);
        EQUAL(head.whole, size);
        EQUAL(head.frame, size);
        SAME_BYTES(told, frame, size);
    }
}

static void test_replies_to_the_lan_are_told(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .flags = ACK | PSH,
                        .text = "550 5.1.1 No such user\r\n", .is_inbound = 1 };
        gate_record_head head;
        uint8_t told[FRAME_BYTES];
        house_start();
        house_send(&made);
        at("IPv%u", made.family);
        EQUAL(to_lan.count, 1);
        CHECK(next_record(&head, told));
        EQUAL(head.direction, GATE_IN);
        EQUAL(head.frame, to_lan.frame[0].size);
        SAME_BYTES(told, to_lan.frame[0].bytes, head.frame);
        EQUAL(the_gate.counts.in, 1);
    }
}

static void test_off_is_off(void) {
    packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
    house_start();
    put(DEVICE, GATE_CONFIRMED);
    the_gate.is_on = 0;
    house_send(&made);
    made.is_inbound = 1;
    house_send(&made);
    EQUAL(to_wan.count, 1);
    EQUAL(to_lan.count, 1);
    EQUAL(records(), 0);
}

static void test_mail_from_outside_or_within_the_house_is_not_judged(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet inbound = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 40000, .client_port = 25,
                           .flags = SYN, .is_inbound = 1 };
        packet inside = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
        uint8_t frame[FRAME_BYTES];
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        house_send(&inbound); /* to a mail server in the house */
        at("IPv%u", inbound.family);
        EQUAL(to_lan.count, 1);
        unsigned size = make_frame(frame, &inside); /* to another device of the house, by the router */
        device_address(frame + ETHERNET + (inside.family == 6 ? 24 : 16), inside.family, 12);
        set_checksums(frame);
        house_receive(&lan, frame, size);
        EQUAL(the_gate.counts.never, 0);
    }
}

/* --- what is refused ------------------------------------------------------------------------------------ */

static void test_a_refused_packet_goes_nowhere(void) {
    static const struct { enum gate_state state; unsigned flags; const char *text; uint32_t lan, wan; } CASES[] = {
        { GATE_QUARANTINED, SYN, 0, 1, 0 }, { GATE_CONFIRMED, SYN, 0, 1, 0 },
        { GATE_CONFIRMED, ACK | PSH, "MAIL FROM:<>\r\n", 1, 0 }, { GATE_CONFIRMED, ACK, 0, 0, 1 },
        { GATE_CONFIRMED, RST, 0, 0, 1 }, { GATE_CONFIRMED, RST | ACK, "x", 0, 0 }, { GATE_THROTTLED, SYN, 0, 1, 0 },
        { GATE_THROTTLED, ACK | PSH, "MAIL FROM:<>\r\n", 1, 0 }, { GATE_THROTTLED, ACK | PSH, "DATA\r\n", 0, 1 },
    };
    for (unsigned k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        for (unsigned i = 0; i < 2; i++) {
            packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .seq = 5, .ack = 77,
                            .flags = CASES[k].flags, .text = CASES[k].text };
            house_start();
            unsigned buffers = house_buffers();
            put(DEVICE, CASES[k].state);
            house_send(&made);
            at("IPv%u, state %d, flags %x", made.family, CASES[k].state, made.flags);
            EQUAL(to_lan.count, CASES[k].lan);
            EQUAL(to_wan.count, CASES[k].wan);
            EQUAL(house_buffers(), buffers);
        }
    }
}

static void test_resets_are_as_a_server_would_send_them(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .client_port = 40001,
                        .seq = 1000, .ack = 7000, .flags = ACK | PSH, .text = "MAIL FROM:<>\r\n" };
        const uint8_t *reset = to_lan.frame[0].bytes, *tcp = reset + ETHERNET + (made.family == 6 ? 40 : 20);
        uint8_t mac[6], sent[FRAME_BYTES];
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        make_frame(sent, &made);
        house_send(&made);
        at("IPv%u", made.family);
        EQUAL(to_lan.count, 1);
        EQUAL(to_lan.frame[0].size, made.family == 6 ? 74 : 54);
        CHECK(checksums_hold(reset, to_lan.frame[0].size));
        device_mac(mac, DEVICE);
        SAME_BYTES(reset, mac, 6);
        SAME_BYTES(reset + 6, lan.hwaddr, 6);
        SAME_BYTES(reset + 12, sent + 12, 2);
        unsigned bytes = made.family == 6 ? 16 : 4, from = ETHERNET + (made.family == 6 ? 8 : 12);
        SAME_BYTES(reset + from, sent + from + bytes, bytes);
        SAME_BYTES(reset + from + bytes, sent + from, bytes);
        EQUAL(get16(tcp), 25);
        EQUAL(get16(tcp + 2), 40001);
        EQUAL(get32(tcp + 4), 7000); /* where the client expects the server to be: RFC 9293 3.10.7.1 */
        EQUAL(tcp[13], RST);
    }
}

static void test_the_mac_of_nobody_opens_no_mail_connection(void) {
    static const uint8_t MACS[3][6] = { { 3, 0, 0, 0, 0, 7 }, { 255, 255, 255, 255, 255, 255 }, { 0 } };
    for (unsigned i = 0; i < 6; i++) {
        packet made = { .family = FAMILIES[i % 2], .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
        uint8_t frame[FRAME_BYTES];
        unsigned size = make_frame(frame, &made);
        memcpy(frame + 6, MACS[i / 2], 6);
        house_start();
        house_receive(&lan, frame, size);
        at("%u", i);
        EQUAL(to_wan.count, 0);
        EQUAL(to_lan.count, 0);
        EQUAL(the_gate.counts.dropped, 1);
    }
}

static void test_a_forged_source_gets_no_answer(void) {
    for (unsigned i = 0; i < 2; i++) {
        uint8_t frame[FRAME_BYTES];
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
        unsigned size = make_frame(frame, &made);
        frame[ETHERNET + (made.family == 6 ? 8 : 12)] ^= 1;
        set_checksums(frame);
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        house_receive(&lan, frame, size);
        at("IPv%u", made.family);
        EQUAL(to_lan.count, 0);
        EQUAL(to_wan.count, 0);
        EQUAL(the_gate.counts.dropped, 1);
    }
}

/* --- pieces --------------------------------------------------------------------------------------------- */

/* lwIP wants the IP header in the first piece, and drops the packet otherwise. */
static unsigned first_piece(const packet *made) { return ETHERNET + (made->family == 6 ? 40 : 20); }

static void check_cuts(const packet *made) {
    uint8_t frame[FRAME_BYTES];
    unsigned size = make_frame(frame, made);
    house_forget();
    house_receive(&lan, frame, size);
    const unsigned lan_frames = to_lan.count, wan_frames = to_wan.count, buffers = house_buffers();
    for (unsigned cut = ETHERNET + 1; cut < size; cut++) {
        for (unsigned second = cut; second < size; second += 17) {
            house_forget();
            house_receive_cut(&lan, frame, size, (const unsigned[]){ cut, second > cut ? second : 0, 0 });
            at("IPv%u, pieces end at %u and %u", made->family, cut, second);
            EQUAL(to_lan.count, cut < first_piece(made) ? 0 : lan_frames);
            EQUAL(to_wan.count, cut < first_piece(made) ? 0 : wan_frames);
            EQUAL(house_buffers(), buffers);
        }
    }
}

static void test_pieces_are_judged_as_the_whole(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .seq = 1, .ack = 1 };
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        made.flags = SYN;
        check_cuts(&made);
        made.flags = ACK | PSH;
        made.text = "MAIL FROM:<a@b.example>\r\n";
        check_cuts(&made);
        house_start();
        check_cuts(&made);
    }
}

static void test_a_record_of_pieces_is_the_frame(void) {
    for (unsigned i = 0; i < 2; i++) {
        packet made = { .family = FAMILIES[i], .device = DEVICE, .server = 1, .port = 25, .flags = ACK | PSH,
                        .text = "RCPT TO:<a@b.example>\r\n" };
        uint8_t frame[FRAME_BYTES], told[FRAME_BYTES];
        unsigned size = make_frame(frame, &made);
        gate_record_head head;
        house_start();
        for (unsigned cut = first_piece(&made); cut < size; cut++) {
            house_receive_cut(&lan, frame, size, (const unsigned[]){ cut, 0 });
            at("IPv%u, cut at %u", made.family, cut);
            if (!CHECK(next_record(&head, told)))
                continue;
            EQUAL(head.frame, size);
            SAME_BYTES(told, frame, size);
            house_forget();
        }
    }
}

/* --- fragments, extension headers, tags --------------------------------------------------------------------- */

static void test_a_tiny_fragment_is_dropped_for_everybody(void) {
    packet made = { .device = DEVICE, .server = 1, .port = 80, .flags = SYN, .fragment = 0x2000 };
    uint8_t frame[FRAME_BYTES];
    house_start();
    make_frame(frame, &made);
    put16(frame + ETHERNET + 2, 28);
    set_checksums(frame);
    house_receive(&lan, frame, ETHERNET + 28);
    EQUAL(to_wan.count, 0);
    EQUAL(the_gate.counts.broken, 1);
    made.fragment = 1;
    house_send(&made);
    EQUAL(to_wan.count, 0);
    EQUAL(the_gate.counts.broken, 2);
    made.fragment = 100; /* a later one of any datagram */
    house_send(&made);
    EQUAL(to_wan.count, 1);
}

static void test_a_first_fragment_with_its_header_is_judged(void) {
    packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN, .fragment = 0x2000 };
    house_start();
    put(DEVICE, GATE_CONFIRMED);
    house_send(&made);
    EQUAL(to_wan.count, 0);
    EQUAL(to_lan.count, 1);
}

static void test_ip_options_and_extension_headers_hide_nothing(void) {
    static const uint8_t NOPS[40] = { 1, 1, 1 }, DESTINATION[24] = { 6, 2, 1, 4, 0, 0, 0, 0, 1, 12 };
    for (unsigned options = 4; options <= 40; options += 4) {
        packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN, .options = NOPS, .options_bytes = options };
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        house_send(&made);
        EQUAL(to_wan.count, 0);
        EQUAL(to_lan.count, 1);
        CHECK(checksums_hold(to_lan.frame[0].bytes, to_lan.frame[0].size));
    }
    packet made = { .family = 6, .device = DEVICE, .server = 1, .port = 25, .flags = SYN, .first = 60,
                    .options = DESTINATION, .options_bytes = 24 };
    house_start();
    put(DEVICE, GATE_CONFIRMED);
    house_send(&made);
    EQUAL(to_wan.count, 0);
    EQUAL(to_lan.count, 1);
    CHECK(checksums_hold(to_lan.frame[0].bytes, to_lan.frame[0].size));
}

static void test_lwip_drops_frames_with_a_tag(void) {
    uint8_t frame[FRAME_BYTES], tagged[FRAME_BYTES];
    packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
    unsigned size = make_frame(frame, &made);
    memcpy(tagged, frame, 12);
    put32(tagged + 12, 0x81000005);
    memcpy(tagged + 16, frame + 12, size - 12);
    house_start();
    house_receive(&lan, tagged, size + 4);
    EQUAL(to_wan.count + to_lan.count, 0);
    EQUAL(the_gate.counts.out, 0);
}

TESTS(TEST(test_other_packets_are_forwarded_and_not_told), TEST(test_mail_of_the_granted_is_forwarded_and_told),
      TEST(test_replies_to_the_lan_are_told), TEST(test_off_is_off),
      TEST(test_mail_from_outside_or_within_the_house_is_not_judged), TEST(test_a_refused_packet_goes_nowhere),
      TEST(test_resets_are_as_a_server_would_send_them),
      TEST(test_the_mac_of_nobody_opens_no_mail_connection), TEST(test_a_forged_source_gets_no_answer),
      TEST(test_pieces_are_judged_as_the_whole), TEST(test_a_record_of_pieces_is_the_frame),
      TEST(test_a_tiny_fragment_is_dropped_for_everybody), TEST(test_a_first_fragment_with_its_header_is_judged),
      TEST(test_ip_options_and_extension_headers_hide_nothing), TEST(test_lwip_drops_frames_with_a_tag));

int main(void) { return RUN_TESTS(); }
