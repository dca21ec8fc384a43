/* The words of mailgate.start on Linux: which interfaces there are, and their addresses. */
#ifndef SPAMGATE_WORDS_H
#define SPAMGATE_WORDS_H

#include <stddef.h>
#include "lwip/ip_addr.h"

#define PORT_LINKS 5 /* four networks of the home and the WAN */
#define PORT_NETWORKS6 4

typedef struct {
    const char *name;
    int is_wan;
    ip4_addr_t address4, mask4;
    ip6_addr_t address6[PORT_NETWORKS6];
    int count6;
} port_link;

typedef struct {
    port_link links[PORT_LINKS];
    int count, has_wan;
    ip4_addr_t via4;
    ip6_addr_t via6; /* any: none */
} port_home;

/* Read `lan NAME NETWORK… … wan NAME NETWORK… via ADDRESS…`.  0, or -1 where a word says nothing; nothing is copied. */
int port_read_words(port_home *home, size_t count, const char *const *words);

#endif
