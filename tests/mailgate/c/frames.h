/* Frames of one home, as tests want them: Ethernet, IPv4 or IPv6, TCP or UDP, with right checksums.
 *
 * Device n is 02:00:00:00:00:n at 192.168.77.n and fd77:77::n; server n is 198.51.100.n or 2001:db8:100::n.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

#define FIN 1u
#define SYN 2u
#define RST 4u
#define PSH 8u
#define ACK 16u

#define FRAME_BYTES 1600
#define ETHERNET 14u /* bytes of its header */

/* What is left 0: family 4, TCP, no options, not a fragment, out of the house. */
typedef struct {
    unsigned family, device, server;
    unsigned protocol;      /* 6 or 17, or what the header shall say */
    unsigned port;          /* the server's */
    unsigned client_port;   /* 0: 50000 */
    uint32_t seq, ack;
    unsigned flags;
    const void *text;       /* behind the TCP or UDP header */
    unsigned text_bytes;    /* 0 and a text: its strlen */
    const uint8_t *options; /* of IPv4, a multiple of 4; of IPv6 a chain of extension headers */
    unsigned options_bytes;
    unsigned first;         /* IPv6: what the fixed header calls the first of the chain */
    const uint8_t *tcp_options;
    unsigned tcp_options_bytes;
    unsigned fragment;      /* IPv4: flags and offset in units of 8 */
    int is_inbound;         /* from the server to the device */
} packet;

/* Write the frame and return its bytes. */
unsigned make_frame(uint8_t *frame, const packet *p);

/* Bytes of the TCP or UDP header within the frame. */
unsigned transport_at(const packet *p);

void device_mac(uint8_t *mac, unsigned device);
void device_address(uint8_t *address, unsigned family, unsigned device);
void server_address(uint8_t *address, unsigned family, unsigned server);

void put16(uint8_t *p, unsigned value);
void put32(uint8_t *p, uint32_t value);
unsigned get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);

/* Are the checksums of the IPv4 header, and of the TCP or UDP segment, right?  The frame is no fragment. */
int checksums_hold(const uint8_t *frame, unsigned size);

/* Make them right after a change. */
void set_checksums(uint8_t *frame);

#endif
