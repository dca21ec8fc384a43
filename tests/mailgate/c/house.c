/* lwIP and the gate in a home of memory: see house.h. */
#include "house.h"

#include <string.h>

#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/init.h"
#include "lwip/memp.h"
#include "lwip/nd6.h"
#include "lwip/priv/memp_priv.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "port_hooks.h"

#define DEVICES 40
#define HOP 3 /* of 02:00:00:00:01:xx, the next router */

struct netif lan, guests, wan;
sent_frames to_lan, to_guests, to_wan;
uint32_t house_ms = 1000;
void (*house_watch)(const struct netif *netif, const struct pbuf *p);
static ip6_addr_t next_hop6;

u32_t sys_now(void) { return house_ms; }

unsigned int lwip_port_rand(void) {
    static uint32_t state = 1;
    return state = state * 1664525u + 1013904223u;
}

const ip6_addr_t *gate_port_gateway6(struct netif *netif) { return netif == &wan ? &next_hop6 : 0; }

static err_t keep(struct netif *netif, struct pbuf *p) {
    sent_frames *sent = netif->state;
    if (house_watch) {
        house_watch(netif, p);
        return ERR_OK;
    }
    kept_frame *kept = &sent->frame[sent->count++ % KEPT];
    kept->size = pbuf_copy_partial(p, kept->bytes, sizeof kept->bytes, 0);
    return ERR_OK;
}

/* The guests' driver is another one. */
static err_t keep_of_guests(struct netif *netif, struct pbuf *p) { return netif == &guests ? keep(netif, p) : ERR_IF; }
static err_t keep_of_others(struct netif *netif, struct pbuf *p) { return netif != &guests ? keep(netif, p) : ERR_IF; }

static err_t set_up(struct netif *netif) {
    netif->name[0] = 'm';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = netif == &guests ? keep_of_guests : keep_of_others;
    netif->mtu = netif->mtu6 = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void add(struct netif *netif, sent_frames *sent, unsigned mac, const char *address4, const char *address6) {
    ip4_addr_t own, mask, via;
    ip6_addr_t six;
    s8_t place;
    ip4addr_aton(address4, &own);
    ip4addr_aton("255.255.255.0", &mask);
    ip4addr_aton("203.0.113.1", &via);
    netif_add(netif, &own, &mask, netif == &wan ? &via : IP4_ADDR_ANY4, sent, set_up, ethernet_input);
    device_mac(netif->hwaddr, mac);
    netif->hwaddr[4] = 1;
    ip6addr_aton(address6, &six);
    netif_add_ip6_address(netif, &six, &place);
    netif_ip6_addr_set_state(netif, place, IP6_ADDR_PREFERRED);
    netif_create_ip6_linklocal_address(netif, 1);
    netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
    netif_set_up(netif);
}

static void bring_up(void) {
    lwip_init();
    add(&lan, &to_lan, 1, "192.168.77.1", "fd77:77::1");
    add(&wan, &to_wan, 2, "203.0.113.77", "2001:db8:113::77");
    add(&guests, &to_guests, 4, "192.168.88.1", "fd77:88::1");
    netif_set_default(&wan);
    ip6addr_aton("2001:db8:113::1", &next_hop6);
    gate_attach(&lan);
    gate_attach(&guests);
}

/* --- neighbours ------------------------------------------------------------------------------------ */

static void teach4(struct netif *netif, const uint8_t *mac, const uint8_t *address) {
    uint8_t frame[42] = { 0 };
    memcpy(frame, netif->hwaddr, 6);
    memcpy(frame + 6, mac, 6);
    put32(frame + 12, 0x08060001);
    put32(frame + 16, 0x08000604);
    put16(frame + 20, 2); /* an answer */
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 28, address, 4);
    memcpy(frame + 32, netif->hwaddr, 6);
    memcpy(frame + 38, netif_ip4_addr(netif), 4);
    house_receive(netif, frame, sizeof frame);
}

/* A neighbour solicitation tells who asks (RFC 4861 7.2.3). */
static void teach6(struct netif *netif, const uint8_t *mac, const uint8_t *address) {
    uint8_t frame[86] = { 0 }, *ip = frame + ETHERNET;
    memcpy(frame, netif->hwaddr, 6);
    memcpy(frame + 6, mac, 6);
    put16(frame + 12, 0x86dd);
    put32(ip, 0x60000000);
    put32(ip + 4, 32u << 16 | 58 << 8 | 255);
    memcpy(ip + 8, address, 16);
    memcpy(ip + 24, netif_ip6_addr(netif, 1)->addr, 16);
    ip[40] = 135;
    memcpy(ip + 48, netif_ip6_addr(netif, 1)->addr, 16);
    put16(ip + 64, 0x0101);
    memcpy(ip + 66, mac, 6);
    uint32_t sum = 32 + 58;
    for (unsigned i = 8; i < 72; i += 2)
        sum += get16(ip + i);
    put16(ip + 42, ~((sum & 0xffff) + (sum >> 16)));
    house_receive(netif, frame, sizeof frame);
}

static void teach(void) {
    uint8_t mac[6], address[16];
    for (unsigned device = 10; device < 10 + DEVICES; device++) {
        device_mac(mac, device);
        device_address(address, 4, device);
        teach4(&lan, mac, address);
        device_address(address, 6, device);
        teach6(&lan, mac, address);
    }
    device_mac(mac, HOP);
    mac[4] = 1;
    teach4(&wan, mac, (const uint8_t[]){ 203, 0, 113, 1 });
    teach6(&wan, mac, (const uint8_t *)next_hop6.addr);
}

/* --- what tests use ----------------------------------------------------------------------------------- */

void house_forget(void) { to_lan.count = to_guests.count = to_wan.count = 0; }

void house_start(void) {
    static const char *const TEXTS[] = {
        "421 4.7.0 Too much mail from here, try later; ticket ######\r\n",
        "554 5.7.1 No mail from here; ticket ######, see http://192.168.77.1/\r\n",
        "503 5.5.1 No mail from here\r\n",
        "221 2.0.0 Bye\r\n",
    };
    static int is_up;
    if (!is_up)
        bring_up();
    is_up = 1;
    gate_init(&the_gate, 0x1234567, 0x89abcdef);
    the_gate.clock_ms = house_ms;
    for (unsigned i = 0; i < 4; i++)
        gate_texts_set(&the_texts, (enum gate_text)i, TEXTS[i], (uint32_t)strlen(TEXTS[i]));
    teach();
    house_forget();
}

void house_wait_ms(uint32_t ms) {
    while (ms) {
        uint32_t step = ms < 500 ? ms : 500;
        house_ms += step;
        ms -= step;
        sys_check_timeouts();
    }
}

void house_receive_cut(struct netif *netif, const uint8_t *frame, unsigned size, const unsigned *cuts) {
    struct pbuf *whole = 0;
    unsigned from = 0;
    while (from < size || !whole) {
        unsigned to = *cuts ? *cuts++ : size;
        struct pbuf *piece = pbuf_alloc(PBUF_RAW, (u16_t)(to - from), PBUF_POOL);
        pbuf_take(piece, frame + from, (u16_t)(to - from));
        if (whole)
            pbuf_cat(whole, piece);
        else
            whole = piece;
        from = to;
    }
    if (netif->input(whole, netif) != ERR_OK)
        pbuf_free(whole);
}

void house_receive(struct netif *netif, const uint8_t *frame, unsigned size) {
    house_receive_cut(netif, frame, size, (const unsigned[]){ 0 });
}

void house_send(const packet *p) {
    uint8_t frame[FRAME_BYTES];
    unsigned size = make_frame(frame, p);
    house_receive(p->is_inbound ? &wan : &lan, frame, size);
}

unsigned house_buffers(void) {
    return (unsigned)(lwip_stats.memp[MEMP_PBUF_POOL]->used + lwip_stats.memp[MEMP_PBUF]->used + lwip_stats.mem.used);
}
