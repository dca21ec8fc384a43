/* Frames with right checksums: see frames.h. */
#include "frames.h"

#include <string.h>

static const uint8_t LAN_MAC[6] = { 2, 0, 0, 0, 1, 1 };
static const uint8_t WAN_MAC[6] = { 2, 0, 0, 0, 1, 2 };
static const uint8_t HOP_MAC[6] = { 2, 0, 0, 0, 1, 3 }; /* of the next router on the way to the servers */

void put16(uint8_t *p, unsigned value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

void put32(uint8_t *p, uint32_t value) {
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}

unsigned get16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

void device_mac(uint8_t *mac, unsigned device) {
    memset(mac, 0, 6);
    mac[0] = 2;
    mac[4] = 0;
    mac[5] = (uint8_t)device;
}

void device_address(uint8_t *address, unsigned family, unsigned device) {
    static const uint8_t v4[4] = { 192, 168, 77, 0 }, v6[16] = { 0xfd, 0x77, 0, 0x77 };
    memcpy(address, family == 6 ? v6 : v4, family == 6 ? 16 : 4);
    address[family == 6 ? 15 : 3] = (uint8_t)device;
}

void server_address(uint8_t *address, unsigned family, unsigned server) {
    static const uint8_t v4[4] = { 198, 51, 100, 0 }, v6[16] = { 0x20, 1, 0x0d, 0xb8, 1, 0 };
    memcpy(address, family == 6 ? v6 : v4, family == 6 ? 16 : 4);
    address[family == 6 ? 15 : 3] = (uint8_t)server;
}

/* --- checksums ---------------------------------------------------------------------------------- */

static uint32_t sum_of(const uint8_t *p, unsigned bytes, uint32_t sum) {
    for (; bytes > 1; bytes -= 2, p += 2)
        sum += get16(p);
    return bytes ? sum + ((uint32_t)p[0] << 8) : sum;
}

static unsigned folded(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum & 0xffff;
}

typedef struct { unsigned family, head, at, end, protocol; } layout;

/* Find the upper layer behind IPv4 options or hop-by-hop, routing and destination headers. */
static layout layout_of(const uint8_t *ip) {
    layout l = { ip[0] >> 4, 0, 0, 0, 0 };
    if (l.family == 4) {
        l.head = l.at = (ip[0] & 15u) * 4;
        l.end = get16(ip + 2);
        l.protocol = ip[9];
        return l;
    }
    l.head = l.at = 40;
    l.end = 40 + get16(ip + 4);
    l.protocol = ip[6];
    while (l.at + 8 <= l.end && (l.protocol == 0 || l.protocol == 43 || l.protocol == 60)) {
        l.protocol = ip[l.at];
        l.at += 8 + ip[l.at + 1] * 8u;
    }
    return l;
}

static uint32_t pseudo_sum(const uint8_t *ip, const layout *l) {
    uint32_t sum = l->family == 4 ? sum_of(ip + 12, 8, 0) : sum_of(ip + 8, 32, 0);
    return sum + l->protocol + (l->end - l->at);
}

static unsigned sum_at(const layout *l) { return l->at + (l->protocol == 17 ? 6 : 16); }

void set_checksums(uint8_t *frame) {
    uint8_t *ip = frame + ETHERNET;
    layout l = layout_of(ip);
    if (l.family == 4) {
        put16(ip + 10, 0);
        put16(ip + 10, ~folded(sum_of(ip, l.head, 0)));
    }
    if (l.end < l.at || sum_at(&l) + 2 > l.end)
        return;
    put16(ip + sum_at(&l), 0);
    put16(ip + sum_at(&l), ~folded(sum_of(ip + l.at, l.end - l.at, pseudo_sum(ip, &l))));
}

int checksums_hold(const uint8_t *frame, unsigned size) {
    const uint8_t *ip = frame + ETHERNET;
    layout l = layout_of(ip);
    if (l.end + ETHERNET > size || l.at >= l.end)
        return 0;
    if (l.family == 4 && folded(sum_of(ip, l.head, 0)) != 0xffff)
        return 0;
    return folded(sum_of(ip + l.at, l.end - l.at, pseudo_sum(ip, &l))) == 0xffff;
}

/* --- building ------------------------------------------------------------------------------------- */

static unsigned protocol_of(const packet *p) { return p->protocol ? p->protocol : 6; }

static unsigned family_of(const packet *p) { return p->family ? p->family : 4; }

unsigned transport_at(const packet *p) { return ETHERNET + (family_of(p) == 6 ? 40 : 20) + p->options_bytes; }

static void put_addresses(uint8_t *at, const packet *p) {
    unsigned family = family_of(p), bytes = family == 6 ? 16 : 4;
    device_address(p->is_inbound ? at + bytes : at, family, p->device);
    server_address(p->is_inbound ? at : at + bytes, family, p->server);
}

static void put_ip(uint8_t *ip, const packet *p, unsigned bytes) {
    if (family_of(p) == 6) {
        put32(ip, 0x60000000u);
        put16(ip + 4, bytes - 40);
        ip[6] = (uint8_t)(p->options_bytes ? p->first : protocol_of(p));
        ip[7] = 64;
        put_addresses(ip + 8, p);
    } else {
        memset(ip, 0, 20);
        ip[0] = (uint8_t)(0x40 + 5 + p->options_bytes / 4);
        put16(ip + 2, bytes);
        put16(ip + 6, p->fragment);
        ip[8] = 64;
        ip[9] = (uint8_t)protocol_of(p);
        put_addresses(ip + 12, p);
    }
    if (p->options_bytes)
        memcpy(ip + (family_of(p) == 6 ? 40 : 20), p->options, p->options_bytes);
}

static unsigned put_transport(uint8_t *t, const packet *p, unsigned text_bytes) {
    unsigned client = p->client_port ? p->client_port : 50000, head = 8;
    put16(t, p->is_inbound ? p->port : client);
    put16(t + 2, p->is_inbound ? client : p->port);
    if (protocol_of(p) == 17) {
        put16(t + 4, 8 + text_bytes);
    } else {
        head = 20 + p->tcp_options_bytes;
        put32(t + 4, p->seq);
        put32(t + 8, p->ack);
        t[12] = (uint8_t)(head / 4 << 4);
        t[13] = (uint8_t)p->flags;
        put16(t + 14, 0x2000);
        put16(t + 18, 0);
        if (p->tcp_options_bytes)
            memcpy(t + 20, p->tcp_options, p->tcp_options_bytes);
    }
    if (text_bytes)
        memcpy(t + head, p->text, text_bytes);
    return head + text_bytes;
}

unsigned make_frame(uint8_t *frame, const packet *p) {
    unsigned at = transport_at(p), text_bytes = p->text ? p->text_bytes : 0;
    if (p->text && !text_bytes)
        text_bytes = (unsigned)strlen(p->text);
    memcpy(frame, p->is_inbound ? WAN_MAC : LAN_MAC, 6);
    if (p->is_inbound)
        memcpy(frame + 6, HOP_MAC, 6);
    else
        device_mac(frame + 6, p->device);
    put16(frame + 12, family_of(p) == 6 ? 0x86dd : 0x0800);
    unsigned end = at + put_transport(frame + at, p, text_bytes);
    put_ip(frame + ETHERNET, p, end - ETHERNET);
    set_checksums(frame);
    return end;
}
