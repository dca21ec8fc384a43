/* Named by LWIP_HOOK_FILENAME (host) and ESP_IDF_LWIP_HOOK_FILENAME (ESP32): lwIP's own sources include this. */
#ifndef SPAMGATE_GATE_HOOKS_H
#define SPAMGATE_GATE_HOOKS_H

struct pbuf;
struct netif;
int gate_ip4_input(struct pbuf *p, struct netif *inp);
int gate_ip6_input(struct pbuf *p, struct netif *inp);
#define LWIP_HOOK_IP4_INPUT gate_ip4_input
#define LWIP_HOOK_IP6_INPUT gate_ip6_input

#endif
