/* The gate on an ESP32: behind Wi-Fi's access point, which is the LAN, with Espressif's NAPT in front of the uplink.
 *
 * ESP-IDF takes an access point that restarts out of lwIP and puts it in anew: its number, its `linkoutput` and its NAPT
 * are then not what they were.  So both events are heard here, behind ESP-IDF's own handlers, and Python need not know.
 * Written after the headers and sources of ESP-IDF 5.4 (boards/NOT_BUILT.md); tests/house/test_esp32_port.py runs it
 * against stand-ins.
 */
#include <errno.h>
#include <string.h>

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_netif_net_stack.h"
#include "esp_random.h"
#include "esp_wifi_types.h"

#include "lwip/netif.h"
#include "lwip/stats.h"

#include "gate_lwip.h"
#include "port.h"

#define ACCESS_POINT "WIFI_AP_DEF" /* what esp_netif_create_default_wifi_ap() calls it */

static esp_netif_t *home;
static struct netif *attached; /* touched in lwIP's thread only */
static esp_event_handler_instance_t on_start, on_stop;

typedef struct { void (*what)(void *with); void *with; } call;

static esp_err_t run(void *context) {
    const call *it = context;
    it->what(it->with);
    return ESP_OK;
}

void gate_port_call(void (*what)(void *with), void *with) {
    call it = {what, with};
    esp_netif_tcpip_exec(run, &it);
}

static esp_err_t detach(void *nothing) {
    (void)nothing;
    if (attached) {
        gate_detach(attached);
    }
    attached = NULL;
    return ESP_OK;
}

static esp_err_t attach(void *netif) {
    detach(NULL);
    if (gate_attach(netif)) {
        return ESP_FAIL;
    }
    attached = netif;
    return ESP_OK;
}

/* The gate first: nothing may be forwarded that it does not see.  0, or an errno. */
static int open_gate(esp_netif_t *ap) {
    struct netif *netif = esp_netif_get_netif_impl(ap);
    if (!netif || !esp_netif_is_netif_up(ap)) {
        return ENODEV;
    }
    if (esp_netif_tcpip_exec(attach, netif) != ESP_OK) {
        return ENOMEM;
    }
    esp_err_t error = esp_netif_napt_enable(ap); /* CONFIG_LWIP_IP_FORWARD, CONFIG_LWIP_IPV4_NAPT */
    return error == ESP_OK ? 0 : error == ESP_ERR_NOT_SUPPORTED ? ENOTSUP : EIO;
}

static void started(void *nothing, esp_event_base_t base, int32_t id, void *data) {
    (void)nothing, (void)base, (void)id, (void)data;
    if (home) {
        open_gate(home);
    }
}

static void stopped(void *nothing, esp_event_base_t base, int32_t id, void *data) {
    (void)nothing, (void)base, (void)id, (void)data;
    esp_netif_tcpip_exec(detach, NULL);
}

static int listen_to_restarts(void) {
    if (esp_event_handler_instance_register(WIFI_EVENT, WIFI_EVENT_AP_STOP, stopped, NULL, &on_stop) != ESP_OK) {
        return ENOMEM;
    }
    if (esp_event_handler_instance_register(WIFI_EVENT, WIFI_EVENT_AP_START, started, NULL, &on_start) != ESP_OK) {
        return ENOMEM;
    }
    return 0;
}

int gate_port_start(size_t count, const char *const *words) {
    (void)words;
    if (count) {
        return EINVAL;
    }
    if (home) {
        return EALREADY;
    }
    esp_netif_t *ap = esp_netif_get_handle_from_ifkey(ACCESS_POINT);
    if (!ap) {
        return ENODEV;
    }
    home = ap;
    int error = listen_to_restarts();
    if (!error) {
        error = open_gate(ap);
    }
    if (error) {
        gate_port_stop();
    }
    return error;
}

void gate_port_stop(void) {
    if (!home) {
        return;
    }
    if (on_start) {
        esp_event_handler_instance_unregister(WIFI_EVENT, WIFI_EVENT_AP_START, on_start);
    }
    if (on_stop) {
        esp_event_handler_instance_unregister(WIFI_EVENT, WIFI_EVENT_AP_STOP, on_stop);
    }
    on_start = on_stop = NULL;
    esp_netif_napt_disable(home);
    esp_netif_tcpip_exec(detach, NULL);
    home = NULL;
}

/* ESP-IDF's lwIP counts packets only where CONFIG_LWIP_STATS is set, and then modulo 2**16. */
void gate_port_counts(uint32_t counts[3]) {
    memset(counts, 0, 3 * sizeof(counts[0]));
#if LWIP_STATS && IP_STATS
    counts[0] = lwip_stats.ip.fw;
    counts[1] = lwip_stats.ip.recv;
    counts[2] = lwip_stats.ip.xmit;
#endif
}

uint32_t gate_port_random(void) { return esp_random(); }
