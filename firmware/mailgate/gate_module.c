/* MicroPython's module `mailgate`: what Python tells the gate and hears from it.  The same on every port.
 *
 * Lines that begin with three slashes are the module's interface; ci/mailgate_stub.py makes mailgate.pyi of them.
 */
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "gate_lwip.h"
#include "gate_shared.h"
#include "port.h"

#define MOST_WORDS 48

static uint32_t number(mp_obj_t given, uint32_t most) {
    mp_int_t value = mp_obj_get_int(given);
    if (value < 0 || (mp_uint_t)value > most) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    return (uint32_t)value;
}

/* Bytes of one of the sizes given (0: no other). */
static mp_buffer_info_t bytes_of(mp_obj_t given, size_t size, size_t other, size_t third) {
    mp_buffer_info_t bytes;
    mp_get_buffer_raise(given, &bytes, MP_BUFFER_READ);
    if (!bytes.len || (bytes.len != size && bytes.len != other && bytes.len != third)) {
        mp_raise_ValueError(MP_ERROR_TEXT("wrong size"));
    }
    return bytes;
}

static gate_key key_of(mp_obj_t given) {
    mp_buffer_info_t bytes = bytes_of(given, 6, 10, 22);
    gate_key key = {.family = bytes.len == 6 ? 0 : bytes.len == 10 ? 4 : 6};
    memcpy(key.mac, bytes.buf, 6);
    memcpy(key.address, (const uint8_t *)bytes.buf + 6, bytes.len - 6);
    return key;
}

static uint32_t family_of(const mp_buffer_info_t *address) { return address->len == 4 ? 4 : 6; }

/* --- start and stop ------------------------------------------------------------------------------ */

/// def start(*words: str) -> None
///     Attach the gate to the home's networks.  On Linux the words are groups: `lan` or `wan`, an interface, its
///     networks ("192.168.77.1/24", "fd77:77::1/64"); `via` and the next hops' addresses behind `wan`.  On a board: none.
///     ValueError: words that say nothing.  OSError: an interface that is not there, or started before.
static mp_obj_t start(size_t count, const mp_obj_t *given) {
    const char *words[MOST_WORDS];
    for (size_t i = 0; i < count; i++) {
        words[i] = mp_obj_str_get_str(given[i]);
    }
    int error = gate_port_start(count, words);
    if (error == MP_EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("no such words"));
    } else if (error) {
        mp_raise_OSError(error);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(start_obj, 0, MOST_WORDS, start);

/// def stop() -> None
///     Detach the gate; what it was told stays.
static mp_obj_t stop(void) {
    gate_port_stop();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(stop_obj, stop);

/// def enable(on: bool) -> None
///     Judge mail and record frames; off: everything passes and nothing is seen.
static mp_obj_t enable(mp_obj_t on) {
    GATE_STORE(the_gate.is_on, mp_obj_is_true(on));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(enable_obj, enable);

/* --- verdicts ------------------------------------------------------------------------------------ */

/// def put(key: bytes, state: int, is_settled: bool, ticket: int, lasting_s: int) -> None
///     Give a device its state: NORMAL to CONFIRMED.  `key` is its MAC (6 bytes), behind a relay followed by its address
///     (4 or 16); `ticket` 24 bits for the refusals' text, 0: none; `lasting_s` until the state ends by itself, 0: never.
///     OSError(ENOMEM): the table is full.
static mp_obj_t put(size_t count, const mp_obj_t *given) {
    (void)count;
    gate_key key = key_of(given[0]);
    gate_verdict verdict = {
        .state = (uint8_t)number(given[1], GATE_CONFIRMED),
        .is_settled = mp_obj_is_true(given[2]),
        .ticket = number(given[3], 0xffffff),
        .lasting_s = number(given[4], INT32_MAX),
    };
    if (gate_put(&the_gate, &key, &verdict) < 0) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(put_obj, 5, 5, put);

/// def remove(key: bytes) -> bool
///     Forget a device; was it there?
static mp_obj_t remove_(mp_obj_t given) {
    gate_key key = key_of(given);
    return mp_obj_new_bool(gate_remove(&the_gate, &key) >= 0);
}
static MP_DEFINE_CONST_FUN_OBJ_1(remove_obj, remove_);

/// def drain(key: bytes, seconds: int) -> None
///     Let nothing new of a device pass for so long.  OSError(ENOENT): it has no state.
static mp_obj_t drain(mp_obj_t given, mp_obj_t seconds) {
    gate_key key = key_of(given);
    if (gate_drain(&the_gate, &key, number(seconds, INT32_MAX)) < 0) {
        mp_raise_OSError(MP_ENOENT);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(drain_obj, drain);

/// def past(mac: bytes, server: bytes, has_past: bool) -> None
///     Let mail of a device to a server (4 or 16 bytes) pass whatever the state, or no longer.
static mp_obj_t past(mp_obj_t mac, mp_obj_t server, mp_obj_t has_past) {
    mp_buffer_info_t device = bytes_of(mac, 6, 0, 0), address = bytes_of(server, 4, 16, 0);
    gate_past(&the_gate, device.buf, address.buf, family_of(&address), mp_obj_is_true(has_past));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(past_obj, past);

/// def end(client: bytes, port: int, server: bytes) -> None
///     For an hour reset the mail connection from this address and port to this server; both 4 or both 16 bytes.
static mp_obj_t end(mp_obj_t client, mp_obj_t port, mp_obj_t server) {
    mp_buffer_info_t from = bytes_of(client, 4, 16, 0), to = bytes_of(server, from.len, 0, 0);
    gate_end(&the_gate, from.buf, number(port, 0xffff), to.buf, family_of(&from));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(end_obj, end);

/// def limits(refill_s: int, per_minute: int, burst: int) -> None
///     A throttled device sends one mail each `refill_s`; any other opens so many mail connections.
static mp_obj_t limits(mp_obj_t refill_s, mp_obj_t per_minute, mp_obj_t burst) {
    gate_limits(&the_gate, number(refill_s, INT32_MAX), number(per_minute, 0xffff), number(burst, 0xffff));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(limits_obj, limits);

/// def strict(seconds: int) -> None
///     Hold back the mail of newcomers for so long; 0: no longer.
static mp_obj_t strict(mp_obj_t seconds) {
    gate_strict(&the_gate, number(seconds, INT32_MAX));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(strict_obj, strict);

/* --- texts --------------------------------------------------------------------------------------- */

typedef struct { enum gate_text which; mp_buffer_info_t bytes; int error; } new_text;

static void set_text(void *with) {
    new_text *text = with;
    text->error = gate_texts_set(&the_texts, text->which, text->bytes.buf, text->bytes.len);
}

/// def text(which: int, text: bytes) -> None
///     What is said in a server's place: LATER, NEVER (banners, in which six `#` stand for the ticket), SORRY (to any
///     command) or BYE (to QUIT); it ends with CRLF.  ValueError: too long.
static mp_obj_t text(mp_obj_t which, mp_obj_t given) {
    new_text text = {.which = (enum gate_text)number(which, GATE_TEXTS - 1)};
    mp_get_buffer_raise(given, &text.bytes, MP_BUFFER_READ);
    gate_port_call(set_text, &text);
    if (text.error) {
        mp_raise_ValueError(MP_ERROR_TEXT("too long"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(text_obj, text);

/* --- what the gate tells ------------------------------------------------------------------------- */

/// def read_into(buf: bytearray) -> int
///     Put whole records into `buf`, oldest first; return the bytes put.  Takes no memory.  A record is a head of
///     RECORD_HEAD bytes in native byte order (size of all of it u16, direction u8: 0 out, action u8, ms u32, bytes of the
///     frame that follow u16, bytes it had u16) and an Ethernet frame, padded to 4.
static mp_obj_t read_into(mp_obj_t given) {
    mp_buffer_info_t room;
    mp_get_buffer_raise(given, &room, MP_BUFFER_WRITE);
    return MP_OBJ_NEW_SMALL_INT(gate_read(&the_gate, room.buf, room.len));
}
static MP_DEFINE_CONST_FUN_OBJ_1(read_into_obj, read_into);

static void copy_counts(void *to) { memcpy(to, &the_gate.counts, sizeof(gate_counts)); }

/// def counts() -> tuple[int, ...]
///     Since the start, modulo 2**32: mail frames out and in, records, lost, answered later and never, reset, dropped,
///     broken, crowded, unpaced; then packets that lwIP forwarded, received, sent.
static mp_obj_t counts(void) {
    uint32_t sums[sizeof(gate_counts) / sizeof(uint32_t) + 3];
    mp_obj_t items[MP_ARRAY_SIZE(sums)];
    gate_port_call(copy_counts, sums);
    gate_port_counts(&sums[MP_ARRAY_SIZE(sums) - 3]);
    for (size_t i = 0; i < MP_ARRAY_SIZE(sums); i++) {
        items[i] = mp_obj_new_int_from_uint(sums[i]);
    }
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(counts_obj, counts);

/// class Events
///     What select.poll takes: readable while records wait.
static const mp_obj_type_t events_type;

static mp_obj_t events_make_new(const mp_obj_type_t *type, size_t count, size_t named, const mp_obj_t *given) {
    static const mp_obj_base_t events = {&events_type};
    (void)type;
    mp_arg_check_num(count, named, 0, 0, false);
    (void)given;
    return MP_OBJ_FROM_PTR(&events);
}

static mp_uint_t events_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *error) {
    (void)self;
    if (request == MP_STREAM_POLL) {
        return gate_waiting(&the_gate) ? arg & MP_STREAM_POLL_RD : 0;
    }
    *error = MP_EINVAL;
    return MP_STREAM_ERROR;
}

///     def fileno(self) -> int
///         A number that no file and no socket has.
static mp_obj_t events_fileno(mp_obj_t self) {
    (void)self;
    return MP_OBJ_NEW_SMALL_INT(-2);
}
static MP_DEFINE_CONST_FUN_OBJ_1(events_fileno_obj, events_fileno);

static const mp_rom_map_elem_t events_table[] = {
    {MP_ROM_QSTR(MP_QSTR_fileno), MP_ROM_PTR(&events_fileno_obj)},
};
static MP_DEFINE_CONST_DICT(events_dict, events_table);
static const mp_stream_p_t events_stream = {.ioctl = events_ioctl};
static MP_DEFINE_CONST_OBJ_TYPE(events_type, MP_QSTR_Events, MP_TYPE_FLAG_NONE, make_new, events_make_new, protocol,
                                &events_stream, locals_dict, &events_dict);

/* --- the module ---------------------------------------------------------------------------------- */

/* Called by MicroPython when the module is imported first, again after a soft reset. */
static mp_obj_t begin(void) {
    gate_port_stop();
    gate_init(&the_gate, gate_port_random(), gate_port_random());
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(begin_obj, begin);

static const mp_rom_map_elem_t module_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mailgate)},
    {MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&begin_obj)},
    {MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&start_obj)},
    {MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&stop_obj)},
    {MP_ROM_QSTR(MP_QSTR_enable), MP_ROM_PTR(&enable_obj)},
    {MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&put_obj)},
    {MP_ROM_QSTR(MP_QSTR_remove), MP_ROM_PTR(&remove_obj)},
    {MP_ROM_QSTR(MP_QSTR_drain), MP_ROM_PTR(&drain_obj)},
    {MP_ROM_QSTR(MP_QSTR_past), MP_ROM_PTR(&past_obj)},
    {MP_ROM_QSTR(MP_QSTR_end), MP_ROM_PTR(&end_obj)},
    {MP_ROM_QSTR(MP_QSTR_limits), MP_ROM_PTR(&limits_obj)},
    {MP_ROM_QSTR(MP_QSTR_strict), MP_ROM_PTR(&strict_obj)},
    {MP_ROM_QSTR(MP_QSTR_text), MP_ROM_PTR(&text_obj)},
    {MP_ROM_QSTR(MP_QSTR_read_into), MP_ROM_PTR(&read_into_obj)},
    {MP_ROM_QSTR(MP_QSTR_counts), MP_ROM_PTR(&counts_obj)},
    {MP_ROM_QSTR(MP_QSTR_Events), MP_ROM_PTR(&events_type)},
    {MP_ROM_QSTR(MP_QSTR_NORMAL), MP_ROM_INT(GATE_NORMAL)},
    {MP_ROM_QSTR(MP_QSTR_GRANTED), MP_ROM_INT(GATE_GRANTED)},
    {MP_ROM_QSTR(MP_QSTR_THROTTLED), MP_ROM_INT(GATE_THROTTLED)},
    {MP_ROM_QSTR(MP_QSTR_QUARANTINED), MP_ROM_INT(GATE_QUARANTINED)},
    {MP_ROM_QSTR(MP_QSTR_CONFIRMED), MP_ROM_INT(GATE_CONFIRMED)},
    {MP_ROM_QSTR(MP_QSTR_LATER), MP_ROM_INT(GATE_TEXT_LATER)},
    {MP_ROM_QSTR(MP_QSTR_NEVER), MP_ROM_INT(GATE_TEXT_NEVER)},
    {MP_ROM_QSTR(MP_QSTR_SORRY), MP_ROM_INT(GATE_TEXT_SORRY)},
    {MP_ROM_QSTR(MP_QSTR_BYE), MP_ROM_INT(GATE_TEXT_BYE)},
    {MP_ROM_QSTR(MP_QSTR_RECORD_HEAD), MP_ROM_INT(sizeof(gate_record_head))},
};
static MP_DEFINE_CONST_DICT(module_dict, module_table);

const mp_obj_module_t mailgate_module = {.base = {&mp_type_module}, .globals = (mp_obj_dict_t *)&module_dict};
MP_REGISTER_MODULE(MP_QSTR_mailgate, mailgate_module);
