/* The ring of records: order, wrap, what finds no room, and how much of which packet is told. */
#include "check.h"
#include "reading.h"

#define HEAD sizeof(gate_record_head)

static gate it;
static uint8_t out[GATE_RING_BYTES];

static void start(void) { gate_init(&it, 1, 2); }

/* Put a record whose frame is `size` bytes made from `number`; 0 where there is no room. */
static int tell(uint32_t number, uint32_t size) {
    it.clock_ms = number;
    uint8_t *to = gate_record(&it, number & 1 ? GATE_IN : GATE_OUT, GATE_LATER, size, size + 100);
    if (!to)
        return 0;
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number * 31 + i);
    gate_commit(&it);
    return 1;
}

/* Check the record at `at` of `out` and return its size. */
static uint32_t check_record(uint32_t place, uint32_t number, uint32_t size) {
    gate_record_head head;
    unsigned wrong = 0;
    memcpy(&head, out + place, HEAD);
    EQUAL(head.size, (HEAD + size + 3) & ~3u);
    EQUAL(head.direction, number & 1 ? GATE_IN : GATE_OUT);
    EQUAL(head.action, GATE_LATER);
    EQUAL(head.t_ms, number);
    EQUAL(head.frame, size);
    EQUAL(head.whole, size + 100);
    for (uint32_t i = 0; i < size; i++)
        wrong += out[place + HEAD + i] != (uint8_t)(number * 31 + i);
    EQUAL(wrong, 0);
    return head.size;
}

static void test_one_record(void) {
    start();
    EQUAL(gate_waiting(&it), 0);
    EQUAL(gate_read(&it, out, sizeof out), 0);
    CHECK(tell(7, 61));
    EQUAL(gate_waiting(&it), 76);
    EQUAL(gate_read(&it, out, sizeof out), 76);
    check_record(0, 7, 61);
    EQUAL(gate_waiting(&it), 0);
    EQUAL(it.counts.records, 1);
    EQUAL(it.counts.lost, 0);
}

static void test_nothing_is_shown_before_it_is_whole(void) {
    start();
    CHECK(gate_record(&it, GATE_OUT, GATE_PASS, 60, 60) != 0);
    EQUAL(gate_waiting(&it), 0);
    EQUAL(gate_read(&it, out, sizeof out), 0);
    gate_commit(&it);
    EQUAL(gate_waiting(&it), 72);
}

static void test_what_finds_no_room_is_counted_and_harms_nothing(void) {
    uint32_t told = 0, place = 0;
    start();
    while (tell(told, 88))
        told++;
    EQUAL(told, GATE_RING_BYTES / 100);
    for (uint32_t i = 0; i < 50; i++)
        CHECK(!tell(1000 + i, 88));
    EQUAL(it.counts.lost, 51);
    EQUAL(it.counts.records, told);
    uint32_t bytes = gate_read(&it, out, sizeof out);
    EQUAL(bytes, told * 100);
    for (uint32_t number = 0; number < told; number++)
        place += check_record(place, number, 88);
    CHECK(tell(5, 88));
}

static void test_the_ring_can_be_full_to_the_last_byte(void) {
    start();
    for (uint32_t number = 0; number < GATE_RING_BYTES / 64; number++)
        CHECK(tell(number, 64 - HEAD));
    EQUAL(gate_waiting(&it), GATE_RING_BYTES);
    CHECK(!tell(99, 0));
    EQUAL(gate_read(&it, out, sizeof out), GATE_RING_BYTES);
    EQUAL(gate_waiting(&it), 0);
}

/* All sizes, the ring at all degrees of fullness, positions beyond 2**32: what is read is what was told, in order. */
static void test_order_and_wrap(void) {
    uint32_t random = 99, next_in = 0, next_out = 0, sizes[1 << 10];
    start();
    it.head = it.tail = (uint32_t)-3 * GATE_RING_BYTES; /* soon over the end of 32 bits */
    for (unsigned turn = 0; turn < 20000; turn++) {
        random = random * 1664525u + 1013904223u;
        uint32_t size = random >> 8 & 1 ? random >> 12 & 63 : (random >> 12) % (GATE_SNAP_BYTES + 1);
        if (random >> 30) {
            sizes[next_in & 1023] = size;
            next_in += (uint32_t)tell(next_in, size);
            continue;
        }
        uint32_t room = (random >> 12) % sizeof out, place = 0, bytes = gate_read(&it, out, room);
        CHECK(bytes <= room);
        while (place < bytes) {
            place += check_record(place, next_out, sizes[next_out & 1023]);
            next_out++;
        }
        EQUAL(place, bytes);
    }
    CHECK(next_out > 1000);
    CHECK(it.counts.lost > 100);
    EQUAL(it.counts.records, next_in);
}

static void test_a_buffer_takes_whole_records_only(void) {
    start();
    tell(1, 100);
    tell(2, 50);
    EQUAL(gate_read(&it, out, 111), 0);
    EQUAL(gate_read(&it, out, 112), 112);
    EQUAL(gate_read(&it, out, 63), 0);
    EQUAL(gate_read(&it, out, 4000), 64);
    check_record(0, 2, 50);
}

/* --- how much of a packet is told -------------------------------------------------------------------- */

static uint32_t snap_of(const packet *made, enum gate_action action) {
    gate_packet p;
    uint8_t frame[FRAME_BYTES];
    uint32_t size = make_frame(frame, made);
    enum gate_class kind = read_bytes(&p, frame + ETHERNET, size - ETHERNET, size - ETHERNET,
                                      made->is_inbound ? GATE_IN : GATE_OUT);
    return gate_snap(kind, &p, action, size);
}

static char text[1460];

static void test_mail_is_told_by_its_lines(void) {
    packet made = { .port = 25, .flags = SYN };
    EQUAL(snap_of(&made, GATE_PASS), 54);
    EQUAL(snap_of(&made, GATE_LATER), 54);
    made.flags = ACK;
    EQUAL(snap_of(&made, GATE_PASS), 0); /* bare acknowledgements say nothing */
    made.flags = FIN | ACK;
    EQUAL(snap_of(&made, GATE_PASS), 54);
    made.flags = RST;
    EQUAL(snap_of(&made, GATE_PASS), 54);
    made.flags = ACK | PSH;
    made.text = "MAIL FROM:<a@b.example>\r\n";
    EQUAL(snap_of(&made, GATE_PASS), 79);
    EQUAL(snap_of(&made, GATE_LATER), 54);
}

static void test_no_record_is_longer_than_its_reader_expects(void) {
    static uint8_t chain[1400] = { 6, 174 };
    static const unsigned PORTS[] = { 25, 53, 67, 80, 465, 587 };
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned bytes = 1; bytes <= 1400; bytes += 7) {
            for (unsigned variant = 0; variant < 32; variant++) {
                packet made = { .family = variant & 1 ? 6 : 4, .port = PORTS[i], .protocol = variant & 2 ? 6 : 17,
                                .flags = variant & 4 ? ACK | PSH : ACK, .text = text, .text_bytes = bytes,
                                .is_inbound = variant >> 3 & 1 };
                uint32_t whole = transport_at(&made) + (made.protocol == 6 ? 20 : 8) + bytes;
                uint32_t snap = snap_of(&made, variant & 16 ? GATE_LATER : GATE_PASS);
                at("port %u, %u bytes, variant %u: %u", PORTS[i], bytes, variant, snap);
                CHECK(snap <= GATE_SNAP_BYTES && snap <= whole);
            }
        }
    }
    packet long_heads = { .family = 6, .port = 25, .flags = SYN, .first = 60, .options = chain, .options_bytes = 1400 };
    CHECK(snap_of(&long_heads, GATE_LATER) <= GATE_SNAP_BYTES);
    CHECK(snap_of(&long_heads, GATE_PASS) <= GATE_SNAP_BYTES);
}

static void test_what_is_told_whole(void) {
    packet query = { .port = 53, .protocol = 17, .text = text, .text_bytes = 300 };
    packet answer = { .port = 53, .protocol = 17, .text = text, .text_bytes = 1232, .is_inbound = 1 };
    packet lease = { .port = 67, .protocol = 17, .text = text, .text_bytes = 548 };
    packet proxy = { .port = 40000, .client_port = 1080, .flags = SYN, .is_inbound = 1 };
    packet web = { .port = 443, .flags = SYN };
    EQUAL(snap_of(&query, GATE_PASS), 342);
    EQUAL(snap_of(&answer, GATE_PASS), GATE_SNAP_BYTES);
    EQUAL(snap_of(&lease, GATE_PASS), 590);
    EQUAL(snap_of(&proxy, GATE_PASS), 54);
    EQUAL(snap_of(&web, GATE_PASS), 0);
}

TESTS(TEST(test_one_record), TEST(test_nothing_is_shown_before_it_is_whole),
      TEST(test_what_finds_no_room_is_counted_and_harms_nothing), TEST(test_the_ring_can_be_full_to_the_last_byte),
      TEST(test_order_and_wrap), TEST(test_a_buffer_takes_whole_records_only), TEST(test_mail_is_told_by_its_lines),
      TEST(test_no_record_is_longer_than_its_reader_expects), TEST(test_what_is_told_whole));

int main(void) { return RUN_TESTS(); }
