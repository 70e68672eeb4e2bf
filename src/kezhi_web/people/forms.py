"""What the forms of people accept, and what they say of the rest in both languages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.functional import lazy

from kezhi.language import Text
from kezhi_web.people.models import Person
from kezhi_web.people.rights import ROLES
from kezhi_web.words import say

later = lazy(say, str)  # a sentence in the language of whoever reads the form, not of whoever started the server

MISSING = later(Text("This is needed.", "此项必填。"))
BAD_NAME = later(
    Text(
        "Up to 150 letters (Chinese ones too), digits and the signs @ . + - _, without blanks.",
        "最多 150 个字符，可用汉字、字母、数字和 @ . + - _，不能有空格。",
    )
)
TAKEN = later(Text("Somebody has this user name already.", "该用户名已被使用。"))
WHOSE = later(
    Text(
        "A salesperson sees the customers of one owner; say which.",
        "销售人员只能看到一位负责人的客户；请填写负责人。",
    )
)
DIFFERENT = later(Text("The two passwords differ.", "两次输入的密码不一致。"))
WRONG_OLD = later(Text("This is not your present password.", "当前密码不正确。"))
UNKNOWN_ROLE = later(Text("There is no such role.", "没有这个角色。"))

SWITCH = {"": None, "yes": True, "no": False}


class UserName(forms.Form):
    """A name to sign in with that nobody has yet."""

    username = forms.CharField(
        max_length=150,
        error_messages={"required": MISSING, "max_length": BAD_NAME},
        validators=[UnicodeUsernameValidator(message=BAD_NAME)],
    )

    def clean_username(self) -> str:
        """Normalised as Django does, so that two names that look alike are one."""
        users = get_user_model()
        name: str = users.normalize_username(self.cleaned_data["username"])
        if users.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(TAKEN)
        return name


class Rights(forms.Form):
    """A person's role, whose customers they look after, and the two switches."""

    role = forms.ChoiceField(
        choices=[(code, code) for code in ROLES],
        error_messages={"required": MISSING, "invalid_choice": UNKNOWN_ROLE},
    )
    owner = forms.CharField(max_length=200, required=False)
    sees_personal = forms.ChoiceField(choices=[(code, code) for code in SWITCH], required=False)
    may_export = forms.ChoiceField(choices=[(code, code) for code in SWITCH], required=False)

    def clean(self) -> dict[str, Any]:
        """The switches as yes, no, or what the role says."""
        said = super().clean() or {}
        if said.get("role") == "sales" and not said.get("owner"):
            self.add_error("owner", forms.ValidationError(WHOSE))
        return said | {name: SWITCH.get(said.get(name, "")) for name in ("sees_personal", "may_export")}

    @property
    def rights(self) -> dict[str, Any]:
        """The fields of Person."""
        return {name: self.cleaned_data[name] for name in ("role", "owner", "sees_personal", "may_export")}


def rights_of(person: Person) -> dict[str, str]:
    """A person's rights as the form shows them."""
    words = {value: code for code, value in SWITCH.items()}
    return {
        "role": person.role,
        "owner": person.owner,
        "sees_personal": words[person.sees_personal],
        "may_export": words[person.may_export],
    }


class NewPassword(SetPasswordForm):
    """A password, twice."""

    error_messages = SetPasswordForm.error_messages | {"password_mismatch": DIFFERENT}


class ChangedPassword(PasswordChangeForm):
    """The present password, and a new one twice."""

    error_messages = PasswordChangeForm.error_messages | {
        "password_mismatch": DIFFERENT,
        "password_incorrect": WRONG_OLD,
    }
