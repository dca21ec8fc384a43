/* What port_esp32.c does, on this machine: ESP-IDF, lwIP and the gate are the few lines below; asserts say what must hold.
 *
 * An access point that restarts is taken out of lwIP and put in anew, as ESP-IDF 5.4 does it (esp_netif_lwip.c).
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "esp_netif_net_stack.h"
#include "esp_random.h"
#include "esp_wifi_types.h"
#include "gate_lwip.h"
#include "lwip/netif.h"
#include "lwip/stats.h"
#include "port.h"

struct esp_netif_obj { struct netif netif; int is_up, has_napt; };
esp_event_base_t const WIFI_EVENT = "WIFI_EVENT";
struct stats_ lwip_stats = {{.xmit = 3, .recv = 2, .fw = 1}};
gate the_gate;
gate_texts the_texts;

static esp_netif_t ap;
static int is_there, is_in_lwip, gate_is_full, napt_result, napt_before_gate;
static struct netif *gated;
static int gated_num;
static struct { int32_t id; esp_event_handler_t handler; } handlers[4];
static unsigned registered, most_registered = 4;

esp_netif_t *esp_netif_get_handle_from_ifkey(const char *key) {
    assert(!strcmp(key, "WIFI_AP_DEF"));
    return is_there ? &ap : NULL;
}

bool esp_netif_is_netif_up(esp_netif_t *netif) { return netif->is_up; }
void *esp_netif_get_netif_impl(esp_netif_t *netif) { return &netif->netif; }
uint32_t esp_random(void) { return 4; }

esp_err_t esp_netif_tcpip_exec(esp_netif_callback_fn function, void *context) {
    assert(!is_in_lwip);
    is_in_lwip = 1;
    esp_err_t result = function(context);
    is_in_lwip = 0;
    return result;
}

esp_err_t esp_netif_napt_enable(esp_netif_t *netif) {
    assert(!is_in_lwip); /* it calls into lwIP's thread by itself, and would wait for itself */
    napt_before_gate |= !gated;
    if (napt_result == ESP_OK) netif->has_napt = 1;
    return napt_result;
}

esp_err_t esp_netif_napt_disable(esp_netif_t *netif) {
    assert(!is_in_lwip);
    netif->has_napt = 0;
    return ESP_OK;
}

esp_err_t esp_event_handler_instance_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler,
                                              void *argument, esp_event_handler_instance_t *instance) {
    assert(base == WIFI_EVENT && !argument);
    if (registered == most_registered) return ESP_ERR_NO_MEM;
    for (unsigned at = 0; at < 4; at++) {
        if (handlers[at].handler) continue;
        handlers[at].id = id;
        handlers[at].handler = handler;
        *instance = &handlers[at];
        registered++;
        return ESP_OK;
    }
    return ESP_ERR_NO_MEM;
}

esp_err_t esp_event_handler_instance_unregister(esp_event_base_t base, int32_t id, esp_event_handler_instance_t instance) {
    unsigned at = 0;
    while (at < 4 && (void *)&handlers[at] != instance) at++;
    assert(base == WIFI_EVENT && at < 4 && handlers[at].handler && handlers[at].id == id);
    handlers[at].handler = NULL;
    registered--;
    return ESP_OK;
}

int gate_attach(struct netif *lan) {
    assert(is_in_lwip && !gated);
    if (gate_is_full) return -1;
    gated = lan;
    gated_num = lan->num;
    return 0;
}

void gate_detach(struct netif *lan) {
    assert(is_in_lwip && gated == lan && gated_num == lan->num);
    gated = NULL;
}

static void event(int32_t id) {
    for (unsigned at = 0; at < 4; at++)
        if (handlers[at].handler && handlers[at].id == id) handlers[at].handler(NULL, WIFI_EVENT, id, NULL);
}

static void go_down(void) {
    ap.is_up = 0;
    event(WIFI_EVENT_AP_STOP);
}

static void come_up(void) {
    ap.is_up = 1;
    ap.has_napt = 0;
    ap.netif.num++;
    event(WIFI_EVENT_AP_START);
}

static void test_there_must_be_an_access_point_that_is_up(void) {
    const char *word = "lan";
    assert(gate_port_start(1, &word) == EINVAL);
    assert(gate_port_start(0, NULL) == ENODEV);
    is_there = 1;
    assert(gate_port_start(0, NULL) == ENODEV && !registered && !gated && !ap.has_napt);
    gate_port_stop();
}

static void test_what_fails_leaves_nothing_behind(void) {
    come_up();
    gate_is_full = 1;
    assert(gate_port_start(0, NULL) == ENOMEM && !registered && !ap.has_napt);
    gate_is_full = 0;
    napt_result = ESP_ERR_NOT_SUPPORTED;
    assert(gate_port_start(0, NULL) == ENOTSUP && !registered && !gated);
    napt_result = ESP_FAIL;
    assert(gate_port_start(0, NULL) == EIO && !registered && !gated);
    napt_result = ESP_OK;
    for (most_registered = 0; most_registered < 2; most_registered++)
        assert(gate_port_start(0, NULL) == ENOMEM && !registered && !gated && !ap.has_napt);
    most_registered = 4;
}

static void test_it_forwards_and_judges_until_it_is_stopped(void) {
    assert(gate_port_start(0, NULL) == 0 && gated == &ap.netif && ap.has_napt);
    assert(gate_port_start(0, NULL) == EALREADY && gated && registered == 2);
    gate_port_stop();
    assert(!gated && !ap.has_napt && !registered);
    gate_port_stop();
}

static void test_an_access_point_that_restarts_is_judged_again(void) {
    assert(gate_port_start(0, NULL) == 0);
    for (int count = 0; count < 3; count++) {
        go_down();
        assert(!gated);
        come_up();
        assert(gated == &ap.netif && gated_num == ap.netif.num && ap.has_napt);
    }
    go_down();
    gate_port_stop();
    come_up();
    assert(!gated && !ap.has_napt);
}

static void set(void *with) {
    assert(is_in_lwip);
    *(int *)with = 7;
}

static void test_the_rest(void) {
    int told = 0;
    uint32_t counts[3] = {9, 9, 9};
    gate_port_call(set, &told);
    gate_port_counts(counts);
    assert(told == 7 && counts[0] == 1 && counts[1] == 2 && counts[2] == 3);
    assert(gate_port_random() == 4);
}

int main(void) {
    test_there_must_be_an_access_point_that_is_up();
    test_what_fails_leaves_nothing_behind();
    test_it_forwards_and_judges_until_it_is_stopped();
    test_an_access_point_that_restarts_is_judged_again();
    test_the_rest();
    assert(!napt_before_gate);
    return 0;
}
