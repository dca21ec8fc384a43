/* gate_look: what an IPv6 packet is, behind extension headers, as a fragment, cut off at every length. */
#include "check.h"
#include "frames.h"
#include "reading.h"

/* Chains of extension headers; the last names TCP unless changed. */
static const uint8_t HOP_BY_HOP[8] = { 6, 0, 5, 2, 0, 0, 1, 0 };
static const uint8_t ROUTING[24] = { 6, 2 };
static const uint8_t ATOMIC[8] = { 6, 0, 0, 0, 1, 2, 3, 4 };
static const uint8_t AUTHENTICATION[24] = { 6, 4 };
static const uint8_t DESTINATION[16] = { 6, 1, 1, 12 };

static void test_without_extensions(void) {
    static const struct { unsigned port, protocol; enum gate_class wanted; } PORTS[] = {
        { 25, 6, GATE_MAIL }, { 587, 6, GATE_SUBMISSION }, { 465, 6, GATE_SUBMISSION }, { 53, 17, GATE_DNS },
        { 53, 6, GATE_DNS }, { 443, 6, GATE_NOTHING }, { 25, 17, GATE_NOTHING },
    };
    for (unsigned i = 0; i < sizeof PORTS / sizeof *PORTS; i++) {
        for (int is_inbound = 0; is_inbound < 2; is_inbound++) {
            gate_packet p;
            packet made = { .family = 6, .port = PORTS[i].port, .protocol = PORTS[i].protocol, .flags = ACK,
                            .text = "some", .is_inbound = is_inbound };
            at("port %u of protocol %u, inbound %d", made.port, made.protocol, is_inbound);
            EQUAL(read_packet(&p, &made), PORTS[i].wanted);
            EQUAL(p.family, 6);
            EQUAL(p.at, 40);
            EQUAL(p.payload, 4);
            EQUAL(p.payload_at, made.protocol == 6 ? 60 : 48);
        }
    }
}

static void test_each_extension_is_stepped_over(void) {
    static const struct { unsigned first, bytes; const uint8_t *chain; } CHAINS[] = {
        { 0, 8, HOP_BY_HOP }, { 43, 24, ROUTING }, { 44, 8, ATOMIC }, { 51, 24, AUTHENTICATION }, { 60, 16, DESTINATION },
    };
    for (unsigned i = 0; i < sizeof CHAINS / sizeof *CHAINS; i++) {
        gate_packet p;
        packet made = { .family = 6, .port = 25, .flags = ACK, .text = "QUIT\r\n", .first = CHAINS[i].first,
                        .options = CHAINS[i].chain, .options_bytes = CHAINS[i].bytes };
        at("extension %u", made.first);
        EQUAL(read_packet(&p, &made), GATE_MAIL);
        EQUAL(p.at, 40 + CHAINS[i].bytes);
        EQUAL(p.payload, 6);
    }
}

/* Chain of `count` destination headers of 8 bytes. */
static unsigned destinations(uint8_t *chain, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        memset(chain + i * 8, 0, 8);
        chain[i * 8] = i + 1 < count ? 60 : 6;
        chain[i * 8 + 2] = 1;
        chain[i * 8 + 3] = 4;
    }
    return count * 8;
}

static void test_a_long_chain_is_broken_not_unseen(void) {
    for (unsigned count = 1; count < 40; count++) {
        gate_packet p;
        uint8_t chain[400];
        packet made = { .family = 6, .port = 25, .flags = SYN, .first = 60, .options = chain,
                        .options_bytes = destinations(chain, count) };
        enum gate_class is = read_packet(&p, &made);
        at("%u extensions", count);
        CHECK(count <= 6 ? is == GATE_MAIL : is == GATE_BROKEN);
    }
}

static void test_cut_at_every_length(void) {
    uint8_t chain[32], frame[FRAME_BYTES];
    memcpy(chain, HOP_BY_HOP, 8);
    chain[0] = 51;
    memcpy(chain + 8, AUTHENTICATION, 24);
    packet made = { .family = 6, .port = 25, .flags = ACK, .text = "DATA\r\n", .options = chain, .options_bytes = 32 };
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned here = 0; here <= whole; here++) {
        gate_packet p;
        enum gate_class wanted = here < 40 ? GATE_NOTHING : here < 92 ? GATE_BROKEN : GATE_MAIL;
        at("%u of %u bytes", here, whole);
        EQUAL(read_bytes(&p, frame + ETHERNET, here, whole, GATE_OUT), wanted);
        if (wanted == GATE_MAIL)
            EQUAL(p.payload, 6);
    }
}

static void test_a_datagram_cut_at_every_length_is_never_misread(void) {
    uint8_t frame[FRAME_BYTES];
    packet made = { .family = 6, .port = 53, .protocol = 17, .text = "twelve bytes" };
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned here = 0; here <= whole; here++) {
        gate_packet p;
        at("%u of %u bytes", here, whole);
        EQUAL(read_bytes(&p, frame + ETHERNET, here, whole, GATE_OUT), here < 48 ? GATE_NOTHING : GATE_DNS);
    }
}

static void test_fragments(void) {
    for (unsigned offset = 0; offset < 0x10000; offset += 8) {
        gate_packet p;
        uint8_t header[8] = { 6, 0, (uint8_t)(offset >> 8), (uint8_t)(offset | 1), 1, 2, 3, 4 };
        packet made = { .family = 6, .port = 25, .flags = SYN, .first = 44, .options = header, .options_bytes = 8 };
        EQUAL(read_packet(&p, &made), offset ? GATE_NOTHING : GATE_MAIL);
        offset += offset > 64 ? 1000 * 8 : 0;
    }
}

static void test_a_first_fragment_without_the_whole_header_is_broken(void) {
    static const uint8_t FIRST[8] = { 6, 0, 0, 1, 1, 2, 3, 4 };
    packet made = { .family = 6, .port = 25, .flags = SYN, .first = 44, .options = FIRST, .options_bytes = 8 };
    for (unsigned bytes = 0; bytes <= 20; bytes++) {
        gate_packet p;
        uint8_t frame[FRAME_BYTES];
        make_frame(frame, &made);
        put16(frame + ETHERNET + 4, 8 + bytes);
        at("%u bytes of TCP", bytes);
        EQUAL(read_bytes(&p, frame + ETHERNET, 48 + bytes, 48 + bytes, GATE_OUT), bytes < 20 ? GATE_BROKEN : GATE_MAIL);
    }
}

static void test_an_extension_that_tells_a_wrong_length(void) {
    for (unsigned words = 0; words < 256; words++) {
        gate_packet p;
        uint8_t chain[8] = { 6, (uint8_t)words };
        packet made = { .family = 6, .port = 25, .flags = SYN, .first = 60, .options = chain, .options_bytes = 8 };
        at("%u times 8 bytes more", words);
        EQUAL(read_packet(&p, &made), words ? GATE_BROKEN : GATE_MAIL);
    }
}

static void test_other_headers_are_nothing(void) {
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        gate_packet p;
        packet made = { .family = 6, .port = 25, .protocol = protocol ? protocol : 58, .flags = SYN };
        int is_known = protocol == 6 || protocol == 17 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60;
        at("next header %u", made.protocol);
        if (!is_known)
            EQUAL(read_packet(&p, &made), GATE_NOTHING);
    }
}

static void test_a_chain_that_ends_the_packet(void) {
    for (unsigned count = 1; count < 6; count++) {
        gate_packet p;
        uint8_t chain[48], frame[FRAME_BYTES];
        unsigned bytes = destinations(chain, count);
        packet made = { .family = 6, .port = 25, .first = 60, .options = chain, .options_bytes = bytes };
        make_frame(frame, &made);
        put16(frame + ETHERNET + 4, bytes);
        at("%u extensions, then TCP of no bytes, or nothing", count);
        EQUAL(read_bytes(&p, frame + ETHERNET, 40 + bytes, 40 + bytes, GATE_OUT), GATE_BROKEN);
        frame[ETHERNET + 40 + bytes - 8] = 59; /* no next header */
        EQUAL(read_bytes(&p, frame + ETHERNET, 40 + bytes, 40 + bytes, GATE_OUT), GATE_NOTHING);
    }
}

static void test_payload_length_is_believed_only_as_far_as_it_can_be(void) {
    packet made = { .family = 6, .port = 25, .flags = SYN };
    uint8_t frame[FRAME_BYTES];
    unsigned whole = make_frame(frame, &made) - ETHERNET;
    for (unsigned told = 0; told < 40; told++) {
        gate_packet p;
        enum gate_class wanted = told > 20 ? GATE_NOTHING : told < 20 ? GATE_BROKEN : GATE_MAIL;
        put16(frame + ETHERNET + 4, told);
        at("a payload length of %u", told);
        EQUAL(read_bytes(&p, frame + ETHERNET, whole, whole, GATE_OUT), wanted);
    }
    put16(frame + ETHERNET + 4, 0xffff);
    gate_packet p;
    EQUAL(read_bytes(&p, frame + ETHERNET, whole, whole, GATE_OUT), GATE_NOTHING);
    EQUAL(read_bytes(&p, frame + ETHERNET, whole, 0x20000, GATE_OUT), GATE_NOTHING); /* 65575 bytes are too many */
}

TESTS(TEST(test_without_extensions), TEST(test_each_extension_is_stepped_over),
      TEST(test_a_long_chain_is_broken_not_unseen), TEST(test_cut_at_every_length),
      TEST(test_a_datagram_cut_at_every_length_is_never_misread), TEST(test_fragments),
      TEST(test_a_first_fragment_without_the_whole_header_is_broken), TEST(test_an_extension_that_tells_a_wrong_length),
      TEST(test_other_headers_are_nothing), TEST(test_a_chain_that_ends_the_packet),
      TEST(test_payload_length_is_believed_only_as_far_as_it_can_be));

int main(void) { return RUN_TESTS(); }
