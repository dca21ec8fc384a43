freeze("$(PORT_DIR)/modules")
include("../common/manifest.py", plane="lwip")
