# The module `mailgate` in a build of MicroPython for an ESP32; boards/common/lwip.cmake names it, or the command line
# does: USER_C_MODULES=.../firmware/mailgate/micropython.cmake.
include_guard(GLOBAL)

add_library(usermod_mailgate INTERFACE)

target_sources(usermod_mailgate INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/gate_answer.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_flow.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_judge.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_lwip.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_module.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_read.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_ring.c
    ${CMAKE_CURRENT_LIST_DIR}/gate_table.c
    ${CMAKE_CURRENT_LIST_DIR}/port_esp32/port_esp32.c
)

target_include_directories(usermod_mailgate INTERFACE ${CMAKE_CURRENT_LIST_DIR})

# On RISC-V a tenth less code: registers are saved and restored by functions that all share.  For the gate alone, which
# is measured so (tests/mailgate/test_cost.py).
if(CONFIG_IDF_TARGET_ARCH_RISCV)
    get_target_property(MAILGATE_SOURCES usermod_mailgate INTERFACE_SOURCES)
    set_source_files_properties(${MAILGATE_SOURCES} PROPERTIES COMPILE_OPTIONS -msave-restore)
endif()

# With PSRAM the driver of Wi-Fi keeps what it is given to send, so it gets a buffer of its own.
if(CONFIG_SPIRAM)
    target_compile_definitions(usermod_mailgate INTERFACE GATE_SEND_COPY=1)
endif()

target_link_libraries(usermod INTERFACE usermod_mailgate)

# lwIP's own sources must see the hooks, else the gate is never asked and everything passes.  ESP-IDF has processed the
# component lwip by now, since MicroPython's requires it; ci/esp32_image.sh looks for the hooks in what was compiled.
idf_component_get_property(MAILGATE_LWIP lwip COMPONENT_LIB)
if(NOT TARGET ${MAILGATE_LWIP})
    message(FATAL_ERROR "mailgate: lwIP is not there yet, so that it cannot be told of its hooks")
endif()
if(NOT CONFIG_LWIP_IP_FORWARD OR NOT CONFIG_LWIP_IPV4_NAPT)
    message(FATAL_ERROR "mailgate: nothing is forwarded; add boards/common/sdkconfig.lwip to SDKCONFIG_DEFAULTS")
endif()
target_include_directories(${MAILGATE_LWIP} PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(${MAILGATE_LWIP} PRIVATE "ESP_IDF_LWIP_HOOK_FILENAME=\"gate_hooks.h\"")
