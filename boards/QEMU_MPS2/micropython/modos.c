// os.urandom(), included by extmod/modos.c.

#include "py/mperrno.h"
#include "py/runtime.h"

static mp_obj_t mp_os_urandom(mp_obj_t count_in) {
    vstr_t vstr;
    vstr_init_len(&vstr, mp_obj_get_int(count_in));
    if (!board_random((uint8_t *)vstr.buf, vstr.len)) {
        mp_raise_OSError(MP_EIO);
    }
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
