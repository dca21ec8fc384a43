/* The fuzzer's way in: frames raw and made, in pieces, from both sides, with verdicts and time changing in between.
 *
 * An input is a row of steps, each a byte that names it and what it takes.  Before each input gate and lwIP are set back
 * by a copy.  Beside the sanitizers, fuzz_rules.c says what must never happen.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_rules.h"
#include "gate_inside.h"
#include "lwip/pbuf.h"

#define MOST_STEPS 40
#define PIECES 4
#define ROOM 1664

/* lwIP's variables: the build has put them into one section. */
extern uint8_t __start_lwip_state[], __stop_lwip_state[];

static const uint8_t *from, *end; /* what is left of the input */
static gate fresh_gate;
static gate_texts fresh_texts;
static uint8_t *fresh_lwip;
static struct netif fresh_netifs[3];
static uint32_t fresh_ms;

static uint8_t last[FRAME_BYTES]; /* the frame given last */
static unsigned last_bytes;
static struct netif *last_to;

static unsigned take8(void) { return from < end ? *from++ : 0; }

static unsigned take16(void) {
    unsigned high = take8();
    return high << 8 | take8();
}

/* --- giving frames ----------------------------------------------------------------------------------- */

/* A pbuf whose bytes have poison before and behind them. */
static struct {
    struct pbuf_custom pbuf;
    uint8_t before[64], bytes[ROOM], behind[64];
} pieces[PIECES] __attribute__((aligned(64)));

static void let_go(struct pbuf *p) { (void)p; }

static struct pbuf *piece_of(unsigned number, const uint8_t *bytes, unsigned size) {
    uint8_t *place = pieces[number].bytes;
    ASAN_UNPOISON_MEMORY_REGION(place, size);
    memcpy(place, bytes, size);
    pieces[number].pbuf.custom_free_function = let_go;
    return pbuf_alloced_custom(PBUF_RAW, (u16_t)size, PBUF_RAM, &pieces[number].pbuf, place, ROOM);
}

static void give(struct netif *netif, const uint8_t *frame, unsigned size, unsigned cuts) {
    struct pbuf *whole = 0;
    unsigned at = 0;
    for (unsigned number = 0; number < PIECES; number++) {
        unsigned left = size - at, bytes = number < cuts ? 1 + take8() : left;
        struct pbuf *piece = piece_of(number, frame + at, bytes < left && number < PIECES - 1 ? bytes : left);
        at += piece->len;
        if (whole)
            pbuf_cat(whole, piece);
        else
            whole = piece;
        if (at == size)
            break;
    }
    rules_begin(netif, frame, size);
    if (netif->input(whole, netif) != ERR_OK)
        pbuf_free(whole);
    rules_end();
    for (unsigned number = 0; number < PIECES; number++)
        ASAN_POISON_MEMORY_REGION(pieces[number].bytes, ROOM);
}

static void give_last(unsigned options) {
    if (last_bytes)
        give(last_to, last, last_bytes, options & 3);
}

static void raw_frame(unsigned options) {
    unsigned size = take16() % (FRAME_BYTES + 1);
    last_bytes = size < (unsigned)(end - from) ? size : (unsigned)(end - from);
    memcpy(last, from, last_bytes);
    from += last_bytes;
    last_to = options & 4 ? &wan : options & 8 ? &guests : &lan;
    give_last(options);
}

static const char *const LINES[] = {
    "", "MAIL FROM:<a@b.example>\r\n", "RSET\r\nMAIL FROM:<>\r\n", "text\r\n.\r\nmail from:<>\r\n", "QUIT\r\n", "EHLO x\r\n",
    "NOOP\r\nQUIT\r\n", ".\r\nMAIL", "a\nb\nc\nd\ne\nf\n", "RCPT TO:<c@d.example>\r\nDATA\r\n", "quit", "\r\n.\r\nMAI",
    "\r\n\r\n\r\n\r\n\r\n", "554 no\r\n", "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", "GET / HTTP/1.1\r\n\r\n",
};

/* IPv4 options, or extension headers of IPv6: three that are usual, or one of any length that tells another. */
static void add_options(packet *p) {
    static const uint8_t USUAL[] = { 60, 0, 5, 2, 0, 0, 1, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4 };
    static uint8_t chain[1024];
    unsigned how = take8();
    p->options = USUAL;
    p->options_bytes = p->family == 6 ? 24 : 8;
    if (p->family == 6 && how) {
        chain[0] = 6;
        chain[1] = (uint8_t)(how & 0x80 ? take8() : how - 1);
        p->options = chain;
        p->options_bytes = (how & 0x7f) * 8;
        p->first = (uint8_t[]){ 0, 43, 44, 51, 60 }[how % 5];
    }
}

/* Few bytes make a frame that is right: what the fuzzer would hardly find by itself. */
static void made_frame(unsigned options) {
    static const unsigned PORTS[] = { 25, 25, 25, 587, 465, 53, 67, 443, 1080, 3128, 80, 2525 };
    unsigned who = take8(), what = take8(), port = take8();
    packet p = { .family = options & 8 ? 6 : 4, .device = 10 + (who & 7), .server = 1 + (who >> 3 & 7),
                 .protocol = what & 0x80 ? 17 : 6, .port = PORTS[port % 12], .client_port = 40000 + (port / 12),
                 .flags = what & 31, .text = LINES[take8() & 15], .is_inbound = options >> 2 & 1 };
    p.seq = take8();
    if (what & 0x40)
        rules_answer_to(&p); /* go on with a connection that was answered in the server's place */
    if (what & 0x20)
        add_options(&p);
    last_bytes = make_frame(last, &p);
    last_to = p.is_inbound ? &wan : &lan;
    give_last(options);
}

/* The frame of before with a few bytes changed, cut or stretched. */
static void changed_frame(unsigned options) {
    for (unsigned count = 1 + (options >> 2 & 3); count; count--) {
        unsigned at = take8() | (unsigned)(options & 8) << 5;
        if (at < last_bytes)
            last[at] = (uint8_t)take8();
    }
    if (take8() & 1) {
        unsigned size = take16() % (FRAME_BYTES + 1);
        if (size > last_bytes)
            memset(last + last_bytes, 0x20, size - last_bytes);
        last_bytes = size;
    } else if (last_bytes > 60 && get16(last + 12) == 0x0800 && get16(last + 16) + ETHERNET <= last_bytes) {
        set_checksums(last);
    }
    if (last_to)
        give_last(options);
}

/* --- control and time -------------------------------------------------------------------------------- */

static gate_key key(void) {
    gate_key k;
    unsigned who = take8();
    memset(&k, 0, sizeof k);
    device_mac(k.mac, 10 + (who & 31));
    k.family = (uint8_t[]){ 0, 0, 0, 0, 0, 0, 4, 6 }[who >> 5];
    if (k.family)
        device_address(k.address, k.family, 10 + (take8() & 7));
    return k;
}

/* More flows than a device may have. */
static void flood(const uint8_t *mac, unsigned protocol) {
    uint8_t ip[40] = { 0x45, [3] = 40, [9] = (uint8_t)protocol, [12] = 192, 168, 77, 10, [32] = 0x50, SYN };
    gate_packet p;
    for (unsigned port = 0; port < 140; port++) {
        put16(ip + 20, port * 401);
        gate_look(&p, &gate_ip4, ip, sizeof ip, sizeof ip, GATE_OUT);
        p.mac = mac;
        gate_flow(&the_gate, &p);
    }
}

/* The frame again while control is writing a verdict. */
static void give_amid_writing(unsigned place) {
    gate_take_over(&the_gate);
    the_gate.config[place % GATE_DEVICES].seq++;
    the_gate.changes++;
    give_last(place >> 5);
    the_gate.config[place % GATE_DEVICES].seq--;
}

static void give_without_gate(unsigned options) {
    rules_forget(); /* what passes now, passes */
    gate_detach(&lan);
    give_last(options);
    gate_attach(&lan);
}

static void control(unsigned which) {
    uint8_t server[16], client[16];
    gate_key k = key();
    unsigned a = take8(), family = a & 1 ? 6 : 4;
    gate_verdict verdict = { (uint8_t)(a % 5), (uint8_t)(a >> 7), a * 65537u, a & 64 ? take8() : 0 };
    server_address(server, family, 1 + (a >> 1 & 7));
    device_address(client, family, 10 + (a >> 4 & 7));
    switch (which) {
    case 0: case 1: case 2: case 3: rules_put(&k, &verdict); break;
    case 4: rules_remove(&k); break;
    case 5: gate_drain(&the_gate, &k, take8()); break;
    case 6: gate_past(&the_gate, k.mac, server, family, a >> 7 & 1); break;
    case 7: gate_end(&the_gate, client, 40000 + (take8() & 31), server, family); break;
    case 8: gate_limits(&the_gate, a, take16(), take8()); break;
    case 9: gate_strict(&the_gate, a); break;
    case 10: the_gate.is_on = a & 1; break;
    case 11: gate_texts_set(&the_texts, (enum gate_text)(a & 3), LINES[a >> 2 & 15], (uint32_t)strlen(LINES[a >> 2 & 15])); break;
    case 12: flood(k.mac, a & 1 ? 6 : 17); break;
    case 13: give_amid_writing(a); break;
    case 14: give_without_gate(a); break;
    default: rules_read(1 + take16() % 2048); break;
    }
}

static void pass_time(unsigned how) {
    static const uint32_t STEPS_MS[] = { 1, 999, 1000, 20000, 60000, 1800000, 3600000, 0x7fffffff };
    house_ms += STEPS_MS[how & 7] + (how & 8 ? take16() : 0);
    gate_at(&the_gate, house_ms);
}

/* --- the fuzzer's calls --------------------------------------------------------------------------------- */

/* lwIP is not instrumented, but it is copied byte by byte: no redzones are crossed. */
static void copy(uint8_t *to, const uint8_t *what, size_t bytes) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(what), "+c"(bytes) : : "memory");
}

static void set_back(void) {
    the_gate = fresh_gate;
    the_texts = fresh_texts;
    house_ms = fresh_ms;
    lan = fresh_netifs[0];
    guests = fresh_netifs[1];
    wan = fresh_netifs[2];
    copy(__start_lwip_state, fresh_lwip, (size_t)(__stop_lwip_state - __start_lwip_state));
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    size_t bytes = (size_t)(__stop_lwip_state - __start_lwip_state);
    (void)argc;
    (void)argv;
    house_start();
    house_watch = rules_sent;
    fresh_gate = the_gate;
    fresh_texts = the_texts;
    fresh_ms = house_ms;
    fresh_netifs[0] = lan;
    fresh_netifs[1] = guests;
    fresh_netifs[2] = wan;
    fresh_lwip = malloc(bytes);
    copy(fresh_lwip, __start_lwip_state, bytes);
    for (unsigned number = 0; number < PIECES; number++)
        ASAN_POISON_MEMORY_REGION(pieces[number].before, 64 + ROOM + 64);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    set_back();
    rules_start();
    last_bytes = 0;
    from = data;
    end = data + size;
    for (unsigned step = 0; step < MOST_STEPS && from < end; step++) {
        unsigned op = take8();
        switch (op >> 5) {
        case 0: case 1: case 2: made_frame(op); break;
        case 3: raw_frame(op); break;
        case 4: changed_frame(op); break;
        case 5: pass_time(op); break;
        default: control(op & 15); break;
        }
    }
    rules_finish();
    return 0;
}
