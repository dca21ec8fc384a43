/* What the hooks cost: packets of one kind after the other, counted by callgrind.
 *
 * Callgrind collects inside the hooks alone (ci reads its dumps, one a kind); lwIP, driver and test are not counted, but
 * what the hooks call in them is.  The first packets of a kind are let by: they look the device up and begin the flow.
 */
#include <stdio.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "house.h"

#define COUNT 1000
#define FIRST 8

static void nothing(const struct netif *netif, const struct pbuf *p) {
    (void)netif;
    (void)p;
}

/* 32 devices, as many as the table takes: 02:00:00:00:00:0a and on. */
static void fill_table(enum gate_state state) {
    for (unsigned device = 10; device < 10 + GATE_DEVICES; device++) {
        gate_key key = { .family = 0 };
        gate_verdict verdict = { (uint8_t)state, 0, device, 0 };
        device_mac(key.mac, device);
        gate_put(&the_gate, &key, &verdict);
    }
}

typedef struct {
    const char *name;
    packet made;
    enum gate_state state;
    unsigned other; /* a second device that speaks in turn; 0: none */
    int is_syn_first;
} kind;

static void give(const packet *p, unsigned times) {
    uint8_t frame[FRAME_BYTES];
    unsigned size = make_frame(frame, p);
    while (times--) {
        house_receive(&lan, frame, size);
        the_gate.tail = the_gate.head; /* somebody reads */
    }
}

/* `times` packets of the kind; with a second device, half of them its own. */
static void run(const kind *k, unsigned times) {
    packet other = k->made;
    other.device = k->other;
    if (!k->other) {
        give(&k->made, times);
        return;
    }
    for (unsigned turn = 0; turn < times / 2; turn++) {
        give(&k->made, 1);
        give(&other, 1);
    }
}

static void measure(const kind *k) {
    kind opening = *k;
    opening.made.flags = SYN;
    opening.made.text = 0;
    house_start();
    house_watch = nothing;
    fill_table(k->state);
    if (k->is_syn_first)
        run(&opening, FIRST);
    run(k, FIRST);
    CALLGRIND_ZERO_STATS;
    run(k, COUNT);
    CALLGRIND_DUMP_STATS_AT(k->name);
    house_watch = 0;
}

static char data[1440];

#define WEB(family_, protocol_) \
    { .family = family_, .device = 10, .server = 1, .port = 443, .protocol = protocol_, .flags = ACK, .text = data, .text_bytes = 64 }
#define MAIL(family_, device_, bytes) \
    { .family = family_, .device = device_, .server = 1, .port = 25, .flags = ACK, .text = data, .text_bytes = bytes }
#define QUERY(family_) \
    { .family = family_, .device = 10, .server = 1, .port = 53, .protocol = 17, .text = data, .text_bytes = 40 }
#define OPENING(family_) { .family = family_, .device = 10, .server = 1, .port = 25, .flags = SYN }

static const kind KINDS[] = {
    { "not_mail_tcp4", WEB(4, 6), GATE_THROTTLED, 0, 1 },
    { "not_mail_udp4", WEB(4, 17), GATE_THROTTLED, 0, 0 },
    { "not_mail_icmp4", WEB(4, 1), GATE_THROTTLED, 0, 0 },
    { "not_mail_tcp6", WEB(6, 6), GATE_THROTTLED, 0, 0 },
    { "not_mail_udp6", WEB(6, 17), GATE_THROTTLED, 0, 0 },
    { "mail_last4", MAIL(4, 41, 1440), GATE_GRANTED, 0, 1 },
    { "mail_other4", MAIL(4, 41, 1440), GATE_GRANTED, 40, 1 },
    { "mail_normal4", MAIL(4, 41, 1440), GATE_NORMAL, 0, 1 },
    { "mail_last6", MAIL(6, 41, 1440), GATE_GRANTED, 0, 0 },
    { "mail_other6", MAIL(6, 41, 1440), GATE_GRANTED, 40, 0 },
    { "mail_throttled4", MAIL(4, 41, 1440), GATE_THROTTLED, 0, 0 },
    { "mail_line_last4", { .device = 41, .server = 1, .port = 25, .flags = ACK | PSH, .text = "RCPT TO:<a@b.example>\r\n" },
      GATE_GRANTED, 0, 1 },
    { "mail_bare4", { .device = 41, .server = 1, .port = 25, .flags = ACK }, GATE_GRANTED, 40, 1 },
    { "dns_query4", QUERY(4), GATE_THROTTLED, 0, 0 },
    { "dns_query6", QUERY(6), GATE_THROTTLED, 0, 0 },
    { "syn_refused4", OPENING(4), GATE_CONFIRMED, 0, 0 },
    { "syn_refused6", OPENING(6), GATE_CONFIRMED, 0, 0 },
};

int main(void) {
    memset(data, 'x', sizeof data);
    for (unsigned i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        measure(&KINDS[i]);
    printf("%u packets each\n", COUNT);
    return 0;
}
