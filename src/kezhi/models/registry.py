"""The list of models, by name; commands and tests read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kezhi.models.catalogue import CATALOGUE, Model
from kezhi.models.fitting import Fit

MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in CATALOGUE})


def load(source: str | Mapping[str, Any]) -> Fit:
    """A fit back from its JSON text or dict, whichever model it is of; ValueError if it is of none."""
    try:
        data = dict(json.loads(source) if isinstance(source, str) else source)
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError("source is not the JSON of a fit") from error
    model = MODELS.get(str(data.get("model")))
    if model is None or model.fit is None:
        known = ", ".join(name for name, one in MODELS.items() if one.fit)
        raise ValueError(f"source names the model {data.get('model')!r}; known are {known}")
    return model.fit.from_json(data)
