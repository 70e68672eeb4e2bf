"""Known vulnerabilities in the pinned versions: fails on one; says "not checked" where nobody can be asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

PINNED = Path(__file__).parents[1] / "constraints.txt"
UNREACHABLE = re.compile(r"requests\.exceptions\.|ConnectionError|ServiceError|ConnectTimeout|ReadTimeout|timed out")


def verdict(told: str, trouble: str) -> tuple[int, str]:
    """Exit code and sentence for what pip-audit wrote to its output and to its error output."""
    try:
        packages = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if UNREACHABLE.search(trouble):
            return 0, "vulnerabilities: not checked, the service that knows of them cannot be reached"
        return 1, f"vulnerabilities: pip-audit failed\n{trouble.strip()[-2000:]}"
    found = [
        f"  {package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", [])
    ]
    if found:
        return 1, "\n".join(["vulnerabilities found:", *found])
    unknown = sum("skip_reason" in package for package in packages)
    known = len(packages) - unknown
    if not known:
        return 0, "vulnerabilities: not checked, the service knows none of the packages"
    rest = f", {unknown} not checked" if unknown else ""
    return 0, f"vulnerabilities: none known in {known} packages{rest}"


def main() -> int:
    """Ask once, for the versions of constraints.txt as they stand."""
    asked = [sys.executable, "-m", "pip_audit", "--requirement", str(PINNED), "--no-deps", "--disable-pip"]
    asked += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    code, said = verdict(ended.stdout, ended.stderr)
    sys.stdout.write(said + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
