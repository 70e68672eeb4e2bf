"""python -m kezhi_web.healthy [PORT]: exit code 0 where the application on this machine is well, for container engines.

Asks /healthz under the first name of KEZHI_HOSTS, as others do.
"""

from __future__ import annotations

import http.client
import os
import sys

PATIENCE = 4.0  # seconds


def main() -> int:
    """0 where it is well, else 1."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    names = [one for one in os.environ.get("KEZHI_HOSTS", "").split(",") if one and one != "*"]
    host = names[0].strip().lstrip(".") if names else "localhost"
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        asked.request("GET", "/healthz", headers={"Host": host})
        return 0 if asked.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        asked.close()


if __name__ == "__main__":
    sys.exit(main())
