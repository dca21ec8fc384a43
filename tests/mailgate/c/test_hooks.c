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

/* A connection to this port that has begun; what follows is of a flow that is known. */
static packet begun(unsigned family, unsigned port) {
    packet made = { .family = family, .device = DEVICE, .server = 1, .port = port, .flags = SYN };
    house_start();
    house_send(&made);
    house_forget();
    the_gate.tail = the_gate.head;
    made.flags = ACK;
    return made;
}

/* Send it: it must come out as it is, and be recorded with so many bytes. */
static void check_passes(const packet *made, uint32_t recorded) {
    gate_record_head head = { 0 };
    uint8_t told[FRAME_BYTES], frame[FRAME_BYTES];
    unsigned size = make_frame(frame, made);
    house_forget();
    house_send(made);
    EQUAL(to_wan.count, 1);
    EQUAL(to_wan.frame[0].size, size);
    CHECK(checksums_hold(to_wan.frame[0].bytes, to_wan.frame[0].size));
    EQUAL(next_record(&head, told), recorded != 0);
    EQUAL(head.frame, recorded);
    SAME_BYTES(told, frame, recorded);
}

static void test_what_a_free_device_says_passes_and_is_told_as_far_as_it_matters(void) {
    static char text[1400];
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 2; i++) {
        packet made = begun(FAMILIES[i], 25);
        unsigned heads = transport_at(&made) + 20;
        at("IPv%u", made.family);
        check_passes(&made, 0); /* a bare acknowledgement */
        made.text = text;
        made.text_bytes = 1400;
        check_passes(&made, 0); /* amid the text of a message */
        made.flags = ACK | PSH;
        check_passes(&made, GATE_SMALL_BYTES);
        made.text_bytes = 100;
        check_passes(&made, heads + 100);
        made.text_bytes = GATE_SNAP_BYTES - heads;
        check_passes(&made, GATE_SNAP_BYTES);
        made.text_bytes++;
        check_passes(&made, GATE_SMALL_BYTES);
        made.flags = FIN | ACK;
        made.text = 0;
        check_passes(&made, heads);
    }
}

static void test_a_tcp_header_of_no_length_is_dropped(void) {
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned words = 0; words < 16; words++) {
            packet made = begun(FAMILIES[i], 25);
            uint8_t frame[FRAME_BYTES];
            made.text = "NOOP\r\n";
            unsigned size = make_frame(frame, &made);
            frame[transport_at(&made) + 12] = (uint8_t)(words << 4);
            set_checksums(frame);
            house_receive(&lan, frame, size);
            at("IPv%u, %u words", made.family, words);
            EQUAL(to_wan.count, words >= 5 && words * 4 <= 26);
            EQUAL(the_gate.counts.broken, words < 5 || words * 4 > 26);
        }
    }
}

static void test_submission_is_told_by_its_short_segments(void) {
    static const unsigned PORTS[] = { 465, 587 };
    static char text[400];
    for (unsigned k = 0; k < 4; k++) {
        packet made = begun(FAMILIES[k / 2], PORTS[k % 2]);
        unsigned heads = transport_at(&made) + 20;
        at("IPv%u, port %u", made.family, made.port);
        check_passes(&made, 0);
        made.flags = ACK | PSH;
        made.text = text;
        made.text_bytes = 100;
        check_passes(&made, heads + 100);
        made.text_bytes = 400;
        check_passes(&made, heads);
    }
}

static void test_a_quarter_of_the_ring_is_for_mail(void) {
    packet query = { .device = DEVICE, .server = 1, .port = 53, .protocol = 17, .text = "a question, more or less" };
    packet line = begun(4, 25);
    line.flags = ACK | PSH;
    line.text = "EHLO x.example\r\n";
    for (unsigned count = 0; count < 100; count++)
        house_send(&query);
    uint32_t waiting = gate_waiting(&the_gate), lost = the_gate.counts.lost;
    CHECK(waiting <= GATE_RING_BYTES * 3 / 4 && waiting > GATE_RING_BYTES * 3 / 4 - 100);
    CHECK(lost > 0);
    for (unsigned count = 0; count < 10; count++)
        house_send(&line);
    EQUAL(the_gate.counts.lost, lost);
    CHECK(gate_waiting(&the_gate) > waiting);
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
        EQUAL(the_gate.counts.acted[GATE_NEVER - 1], 0);
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
            int is_reset = made.text && !(made.flags & RST) && CASES[k].lan;
            EQUAL(the_gate.counts.acted[GATE_NEVER - 1], made.flags == SYN && CASES[k].state == GATE_CONFIRMED);
            EQUAL(the_gate.counts.acted[GATE_LATER - 1], made.flags == SYN && CASES[k].state != GATE_CONFIRMED);
            EQUAL(the_gate.counts.acted[GATE_RESET - 1], is_reset || made.flags == (RST | ACK));
            EQUAL(to_wan.count, CASES[k].wan);
            EQUAL(house_buffers(), buffers);
            int is_end_or_line = made.flags & (SYN | RST) || made.text;
            EQUAL(records(), the_gate.counts.acted[GATE_RESET - 1] ? 0 : is_end_or_line); /* what is reset has not happened */
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
        EQUAL(the_gate.counts.acted[GATE_DROP - 1], 1);
    }
}

static void test_the_mac_of_a_group_or_of_nobody_opens_nothing(void) {
    for (unsigned first = 0; first < 2; first++) {
        uint8_t frame[FRAME_BYTES];
        packet made = { .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
        unsigned size = make_frame(frame, &made);
        memset(frame + 6, 0, 6);
        frame[6] = (uint8_t)first;
        house_start();
        house_receive(&lan, frame, size);
        EQUAL(to_lan.count + to_wan.count, 0);
        EQUAL(the_gate.counts.acted[GATE_DROP - 1], 1);
    }
}

static void test_what_is_for_neighbours_is_let_alone(void) {
    static const uint8_t NEIGHBOURS[2][2] = { { 0xfe, 0x80 }, { 0xff, 0x02 } };
    for (unsigned i = 0; i < 2; i++) {
        uint8_t frame[FRAME_BYTES];
        packet made = { .family = 6, .device = DEVICE, .server = 1, .port = 25, .flags = SYN };
        unsigned size = make_frame(frame, &made);
        memcpy(frame + ETHERNET + 24, NEIGHBOURS[i], 2);
        set_checksums(frame);
        house_start();
        put(DEVICE, GATE_CONFIRMED);
        house_receive(&lan, frame, size);
        EQUAL(the_gate.counts.acted[GATE_NEVER - 1], 0);
        EQUAL(to_wan.count, 0);
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
        EQUAL(the_gate.counts.acted[GATE_DROP - 1], 1);
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
      TEST(test_replies_to_the_lan_are_told),
      TEST(test_what_a_free_device_says_passes_and_is_told_as_far_as_it_matters),
      TEST(test_a_tcp_header_of_no_length_is_dropped), TEST(test_submission_is_told_by_its_short_segments),
      TEST(test_a_quarter_of_the_ring_is_for_mail),
      TEST(test_off_is_off), TEST(test_the_mac_of_a_group_or_of_nobody_opens_nothing),
      TEST(test_what_is_for_neighbours_is_let_alone),
      TEST(test_mail_from_outside_or_within_the_house_is_not_judged), TEST(test_a_refused_packet_goes_nowhere),
      TEST(test_resets_are_as_a_server_would_send_them),
      TEST(test_the_mac_of_nobody_opens_no_mail_connection), TEST(test_a_forged_source_gets_no_answer),
      TEST(test_pieces_are_judged_as_the_whole), TEST(test_a_record_of_pieces_is_the_frame),
      TEST(test_a_tiny_fragment_is_dropped_for_everybody), TEST(test_a_first_fragment_with_its_header_is_judged),
      TEST(test_ip_options_and_extension_headers_hide_nothing), TEST(test_lwip_drops_frames_with_a_tag));

int main(void) { return RUN_TESTS(); }
