"""The web application's settings for tests: its files lie in a folder that goes when the tests end."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

HOME = tempfile.mkdtemp(prefix="kezhi-web-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["KEZHI_WORKSPACE"] = HOME
os.environ["KEZHI_SECRET_KEY"] = "only-for-tests-" + "x" * 40
os.environ["KEZHI_PATIENCE"] = "300"  # a page of a test shows its sections, however long they take

from kezhi_web.settings import *  # noqa: E402, F403  after the environment is set

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for passwords that protect nothing
