"""A link with which a person chooses their password, once: for new people, and for who has forgotten theirs.

Nobody else ever knows the password. The link goes from the administrator to the person by whatever way they have; it
ends when it was used, when the person signs in, and after PASSWORD_RESET_TIMEOUT.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


def link_for(request: HttpRequest, user: Any) -> str:
    """The whole address."""
    place = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return request.build_absolute_uri(reverse("new-password", args=[place, token]))


def whose(place: str, token: str) -> Any:
    """The active user to whom the link belongs; None where it is none, was used, or is too old."""
    try:
        key = int(urlsafe_base64_decode(place))
        user = get_user_model().objects.filter(pk=key, is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user is not None and default_token_generator.check_token(user, token) else None
