"""Order exports of well-known systems, recognised by their headers."""

from __future__ import annotations

from collections.abc import Sequence

from kezhi.sources.presets.deals import HubSpot, Salesforce, Zoho
from kezhi.sources.presets.export import Preset
from kezhi.sources.presets.shopify import Shopify
from kezhi.sources.presets.stripe import Stripe
from kezhi.sources.presets.taobao import Taobao
from kezhi.sources.presets.woocommerce import WooCommerce

PRESETS: dict[str, Preset] = {
    preset.code: preset for preset in (Shopify(), WooCommerce(), Stripe(), HubSpot(), Salesforce(), Zoho(), Taobao())
}


def preset_for(table: str, columns: Sequence[str]) -> Preset | None:
    """The preset whose header this is; presets are exports of orders."""
    if table != "orders":
        return None
    return next((preset for preset in PRESETS.values() if preset.recognises(columns)), None)
