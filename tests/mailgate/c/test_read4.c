/* gate_look: what an IPv4 packet is, with options, as a fragment, in tiny fragments, cut off at every length. */
#include "check.h"
#include "frames.h"
#include "reading.h"

#define NOPS_8 (const uint8_t[]){ 1, 1, 1, 1, 1, 1, 1, 0 }

static void test_every_port_has_its_class(void) {
    static const struct { unsigned port, protocol; enum gate_class wanted; } PORTS[] = {
        { 25, 6, GATE_MAIL }, { 25, 17, GATE_NOTHING }, { 465, 6, GATE_SUBMISSION }, { 587, 6, GATE_SUBMISSION },
        { 465, 17, GATE_NOTHING }, { 587, 17, GATE_NOTHING }, { 53, 17, GATE_DNS }, { 53, 6, GATE_DNS },
        { 67, 17, GATE_DHCP }, { 67, 6, GATE_NOTHING }, { 443, 6, GATE_NOTHING }, { 443, 17, GATE_NOTHING },
        { 24, 6, GATE_NOTHING }, { 26, 6, GATE_NOTHING }, { 0x1900, 6, GATE_NOTHING }, { 2525, 6, GATE_NOTHING },
        { 0, 6, GATE_NOTHING }, { 65535, 17, GATE_NOTHING }, { 1080, 6, GATE_NOTHING },
    };
    for (unsigned i = 0; i < sizeof PORTS / sizeof *PORTS; i++) {
        for (int is_inbound = 0; is_inbound < 2; is_inbound++) {
            gate_packet p;
            packet made = { .port = PORTS[i].port, .protocol = PORTS[i].protocol, .flags = ACK, .is_inbound = is_inbound };
            at("port %u of protocol %u, inbound %d", made.port, made.protocol, is_inbound);
            EQUAL(read_packet(&p, &made), PORTS[i].wanted);
        }
    }
}

static void test_inbound_syn_to_a_proxys_port(void) {
    static const unsigned PORTS[] = { 1080, 3128, 4145, 8080, 8118 };
    for (unsigned i = 0; i < 5; i++) {
        gate_packet p;
        packet made = { .port = 40000, .client_port = PORTS[i], .flags = SYN, .is_inbound = 1 };
        EQUAL(read_packet(&p, &made), GATE_PROXY);
        made.flags = SYN | ACK;
        EQUAL(read_packet(&p, &made), GATE_NOTHING);
        made.flags = ACK;
        EQUAL(read_packet(&p, &made), GATE_NOTHING);
        made.flags = SYN;
        made.is_inbound = 0;
        EQUAL(read_packet(&p, &made), GATE_NOTHING);
    }
}

static void test_offsets_and_sizes(void) {
    static const uint8_t MSS[] = { 2, 4, 5, 0xb4, 1, 1, 4, 2 };
    for (unsigned options = 0; options <= 40; options += 4) {
        gate_packet p;
        uint8_t nops[40] = { 1 };
        packet made = { .port = 25, .client_port = 40001, .flags = ACK | PSH, .text = "QUIT\r\n", .options = nops,
                        .options_bytes = options, .tcp_options = MSS, .tcp_options_bytes = 8 };
        at("%u bytes of options", options);
        EQUAL(read_packet(&p, &made), GATE_MAIL);
        EQUAL(p.at, 20 + options);
        EQUAL(p.payload_at, 48 + options);
        EQUAL(p.payload, 6);
        EQUAL(p.size, 54 + options);
        EQUAL(p.here, 54 + options);
        EQUAL(p.family, 4);
        EQUAL(p.protocol, 6);
        EQUAL(p.flags, ACK | PSH);
        EQUAL(p.source_port, 40001);
        EQUAL(p.target_port, 25);
    }
}

static void test_padding_is_no_payload(void) {
    gate_packet p;
    uint8_t frame[FRAME_BYTES];
    packet made = { .port = 25, .flags = ACK };
    unsigned size = make_frame(frame, &made);
    memset(frame + size, 0xa5, 6);
    EQUAL(read_bytes(&p, frame + ETHERNET, 46, 46, GATE_OUT), GATE_MAIL);
    EQUAL(p.payload, 0);
    EQUAL(p.here, 40);
    EQUAL(p.size, 40);
}

static void test_cut_at_every_length(void) {
    packet made = { .port = 25, .flags = ACK | PSH, .text = "MAIL FROM:<a@b.example>\r\n", .options = NOPS_8,
                    .options_bytes = 8 };
    uint8_t frame[FRAME_BYTES];
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned here = 0; here <= whole; here++) {
        gate_packet p;
        enum gate_class wanted = here < 28 ? GATE_NOTHING : here < 48 ? GATE_BROKEN : GATE_MAIL;
        at("%u of %u bytes", here, whole);
        EQUAL(read_bytes(&p, frame + ETHERNET, here, whole, GATE_OUT), wanted);
        if (wanted == GATE_MAIL) {
            EQUAL(p.here, here);
            EQUAL(p.payload, 25);
        }
    }
}

static void test_what_lwip_drops_is_nothing(void) {
    static const struct { unsigned at, value; const char *why; } WRONG[] = {
        { 0, 0x55, "version" }, { 0, 0x44, "head below 20" }, { 0, 0x40, "no head" }, { 2, 0xff, "longer than what came" },
    };
    packet made = { .port = 25, .flags = SYN };
    for (unsigned i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        gate_packet p;
        uint8_t frame[FRAME_BYTES];
        unsigned size = make_frame(frame, &made) - ETHERNET;
        frame[ETHERNET + WRONG[i].at] = (uint8_t)WRONG[i].value;
        at("%s", WRONG[i].why);
        EQUAL(read_bytes(&p, frame + ETHERNET, size, size, GATE_OUT), GATE_NOTHING);
    }
}

static void test_total_length_is_believed_only_as_far_as_it_can_be(void) {
    packet made = { .port = 25, .flags = SYN };
    uint8_t frame[FRAME_BYTES];
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned told = 0; told <= whole + 8; told++) {
        gate_packet p;
        enum gate_class wanted = told < 20 || told > whole ? GATE_NOTHING : told < 40 ? GATE_BROKEN : GATE_MAIL;
        put16(frame + ETHERNET + 2, told);
        at("a total length of %u", told);
        EQUAL(read_bytes(&p, frame + ETHERNET, whole, whole, GATE_OUT), wanted);
    }
}

static void test_tcp_header_that_tells_a_wrong_length(void) {
    for (unsigned words = 0; words < 16; words++) {
        gate_packet p;
        uint8_t frame[FRAME_BYTES];
        packet made = { .port = 25, .flags = ACK, .text = "EHLO x.example\r\n" }; /* 16 bytes: up to 9 words */
        unsigned size = make_frame(frame, &made) - ETHERNET;
        frame[ETHERNET + 20 + 12] = (uint8_t)(words << 4);
        at("%u words", words);
        EQUAL(read_bytes(&p, frame + ETHERNET, size, size, GATE_OUT), words < 5 || words > 9 ? GATE_BROKEN : GATE_MAIL);
        if (words >= 5 && words <= 9)
            EQUAL(p.payload, 36 - words * 4);
    }
}

static void test_fragments(void) {
    gate_packet p;
    packet made = { .port = 25, .flags = ACK, .text = "EHLO x.example\r\n", .fragment = 0x2000 };
    EQUAL(read_packet(&p, &made), GATE_MAIL); /* the first, with a whole header */
    made.fragment = 0x2001;
    EQUAL(read_packet(&p, &made), GATE_BROKEN); /* would write over the flags: RFC 1858, 3128 */
    made.fragment = 0x0001;
    EQUAL(read_packet(&p, &made), GATE_BROKEN);
    for (unsigned offset = 2; offset < 0x2000; offset += 37) {
        made.fragment = offset;
        EQUAL(read_packet(&p, &made), GATE_NOTHING);
    }
    made.fragment = 0x4000; /* do not fragment */
    EQUAL(read_packet(&p, &made), GATE_MAIL);
}

static void test_tiny_first_fragments(void) {
    for (unsigned bytes = 0; bytes <= 20; bytes++) {
        gate_packet p;
        uint8_t frame[FRAME_BYTES];
        packet made = { .port = 25, .flags = SYN, .fragment = 0x2000 };
        make_frame(frame, &made);
        put16(frame + ETHERNET + 2, 20 + bytes);
        at("%u bytes of TCP", bytes);
        EQUAL(read_bytes(&p, frame + ETHERNET, 20 + bytes, 20 + bytes, GATE_OUT), bytes < 20 ? GATE_BROKEN : GATE_MAIL);
    }
}

static void test_datagrams_of_udp_cut_at_every_length(void) {
    packet made = { .port = 53, .protocol = 17, .text = "twelve bytes" };
    uint8_t frame[FRAME_BYTES];
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned here = 0; here <= whole; here++) {
        gate_packet p;
        at("%u of %u bytes", here, whole);
        EQUAL(read_bytes(&p, frame + ETHERNET, here, whole, GATE_OUT), here < 28 ? GATE_NOTHING : GATE_DNS);
        if (here >= 28)
            EQUAL(p.payload, 12);
    }
    gate_packet p;
    made.fragment = 0x2000;
    EQUAL(read_packet(&p, &made), GATE_DNS);
    made.fragment = 0x0001;
    EQUAL(read_packet(&p, &made), GATE_NOTHING);
}

static void test_other_protocols_are_nothing(void) {
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        gate_packet p;
        packet made = { .port = 25, .protocol = protocol ? protocol : 1, .flags = SYN };
        if (protocol != 6 && protocol != 17)
            EQUAL(read_packet(&p, &made), GATE_NOTHING);
    }
}

TESTS(TEST(test_every_port_has_its_class), TEST(test_inbound_syn_to_a_proxys_port), TEST(test_offsets_and_sizes),
      TEST(test_padding_is_no_payload), TEST(test_cut_at_every_length), TEST(test_what_lwip_drops_is_nothing),
      TEST(test_total_length_is_believed_only_as_far_as_it_can_be), TEST(test_tcp_header_that_tells_a_wrong_length),
      TEST(test_fragments), TEST(test_tiny_first_fragments), TEST(test_datagrams_of_udp_cut_at_every_length),
      TEST(test_other_protocols_are_nothing));

int main(void) { return RUN_TESTS(); }
