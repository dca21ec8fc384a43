# Name the partition table: sdkconfig takes a path as it stands, so it is written down here with this checkout's.
get_filename_component(SPAMGATE_PARTITIONS ${CMAKE_CURRENT_LIST_DIR}/${SPAMGATE_PARTITIONS} ABSOLUTE)
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${SPAMGATE_PARTITIONS}\"\n"
)
list(APPEND SDKCONFIG_DEFAULTS ${CMAKE_BINARY_DIR}/sdkconfig.partitions)
