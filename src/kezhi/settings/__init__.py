"""What `kezhi.toml` may say: `whole` is all of it, a file beside it what belongs to one matter."""

from kezhi.settings.understood import Refused, RefusedError, understood
from kezhi.settings.whole import MethodName, Referrals, Settings, read_settings

__all__ = ["MethodName", "Referrals", "Refused", "RefusedError", "Settings", "read_settings", "understood"]
