# What a board's build files do, seen by the CMake of this machine: ESP-IDF and MicroPython's port are the lines below.
#   cmake -S FOLDER -B FOLDER/build -D BOARD_DIR=... with this file as FOLDER/CMakeLists.txt
cmake_minimum_required(VERSION 3.16)
project(esp32_idf C)

set(MICROPY_BOARD_DIR ${BOARD_DIR})
include(${MICROPY_BOARD_DIR}/mpconfigboard.cmake)

# As ports/esp32/CMakeLists.txt of MicroPython puts them together
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.combined.in "")
foreach(SDKCONFIG_DEFAULT ${SDKCONFIG_DEFAULTS})
    if(SDKCONFIG_DEFAULT MATCHES "^/")
        file(READ ${SDKCONFIG_DEFAULT} CONTENTS)
        file(APPEND ${CMAKE_BINARY_DIR}/sdkconfig.combined.in "${CONTENTS}")
    endif()
endforeach()
configure_file(${CMAKE_BINARY_DIR}/sdkconfig.combined.in ${CMAKE_BINARY_DIR}/sdkconfig.combined COPYONLY)
file(STRINGS ${CMAKE_BINARY_DIR}/sdkconfig.combined OPTIONS REGEX "^CONFIG_.*=y$")
foreach(OPTION ${OPTIONS})
    string(REGEX REPLACE "=y$" "" OPTION ${OPTION})
    set(${OPTION} y)
endforeach()
if(IDF_TARGET STREQUAL esp32s3)
    set(CONFIG_SPIRAM y) # MicroPython's sdkconfig.spiram_sx
endif()

# A component of ESP-IDF that was processed before
file(WRITE ${CMAKE_BINARY_DIR}/ip4.c "#include ESP_IDF_LWIP_HOOK_FILENAME
int ip4_input(struct pbuf *p, struct netif *inp) { return LWIP_HOOK_IP4_INPUT(p, inp) + LWIP_HOOK_IP6_INPUT(p, inp); }
")
add_library(__idf_lwip STATIC ${CMAKE_BINARY_DIR}/ip4.c)
function(idf_component_get_property variable component property)
    set(${variable} __idf_${component} PARENT_SCOPE)
endfunction()

# As py/usermod.cmake of MicroPython takes modules
add_library(usermod INTERFACE)
foreach(USER_C_MODULE ${USER_C_MODULES} ${USER_C_MODULES})
    include(${USER_C_MODULE})
endforeach()
get_target_property(SOURCES usermod_mailgate INTERFACE_SOURCES)
get_target_property(DEFINITIONS usermod_mailgate INTERFACE_COMPILE_DEFINITIONS)
message(STATUS "TARGET ${IDF_TARGET}")
message(STATUS "MANIFEST ${MICROPY_FROZEN_MANIFEST}")
message(STATUS "SOURCES ${SOURCES}")
message(STATUS "DEFINITIONS ${DEFINITIONS}")
list(GET SOURCES 0 SOURCE)
get_source_file_property(FLAGS ${SOURCE} COMPILE_OPTIONS)
message(STATUS "FLAGS ${FLAGS}")
