/* The words of mailgate.start on Linux: which interfaces there are, and their addresses. */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_ADDRESS 46

static int read_network4(port_link *link, const char *address, long bits) {
    if (bits < 1 || bits > 32 || !ip4_addr_isany_val(link->address4) || !ip4addr_aton(address, &link->address4)) {
        return -1;
    }
    ip4_addr_set_u32(&link->mask4, lwip_htonl((uint32_t)(0xffffffffu << (32 - bits))));
    return 0;
}

/* lwIP takes the first 64 bits of an address for its network. */
static int read_network6(port_link *link, const char *address, long bits) {
    if (bits != 64 || link->count6 == PORT_NETWORKS6) {
        return -1;
    }
    return ip6addr_aton(address, &link->address6[link->count6++]) ? 0 : -1;
}

static int read_network(port_link *link, const char *word) {
    char address[LONGEST_ADDRESS];
    const char *slash = strchr(word, '/');
    char *end;
    if (!slash || (size_t)(slash - word) >= sizeof(address)) {
        return -1;
    }
    memcpy(address, word, (size_t)(slash - word));
    address[slash - word] = 0;
    long bits = strtol(slash + 1, &end, 10);
    if (end == slash + 1 || *end) {
        return -1;
    }
    return strchr(address, ':') ? read_network6(link, address, bits) : read_network4(link, address, bits);
}

static int read_via(port_home *home, const char *word) {
    return (strchr(word, ':') ? ip6addr_aton(word, &home->via6) : ip4addr_aton(word, &home->via4)) ? 0 : -1;
}

static port_link *new_link(port_home *home, const char *name, int is_wan) {
    if (home->count == PORT_LINKS || (is_wan && home->has_wan)) {
        return NULL;
    }
    home->has_wan |= is_wan;
    port_link *link = &home->links[home->count++];
    link->name = name;
    link->is_wan = is_wan;
    return link;
}

int port_read_words(port_home *home, size_t count, const char *const *words) {
    port_link *link = NULL;
    int is_via = 0;
    memset(home, 0, sizeof(*home));
    for (size_t i = 0; i < count; i++) {
        int is_wan = !strcmp(words[i], "wan");
        if (is_wan || !strcmp(words[i], "lan")) {
            link = ++i < count ? new_link(home, words[i], is_wan) : NULL;
            is_via = 0;
        } else if (!strcmp(words[i], "via")) {
            is_via = link && link->is_wan;
            link = is_via ? link : NULL;
        } else if (link && (is_via ? read_via(home, words[i]) : read_network(link, words[i]))) {
            return -1;
        }
        if (!link) {
            return -1;
        }
    }
    return link ? 0 : -1;
}
