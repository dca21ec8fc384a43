"""A whole home in network namespaces on this machine: devices, a router that runs the firmware, an internet."""
