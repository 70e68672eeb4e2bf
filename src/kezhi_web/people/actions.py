"""What the audit log calls each action; every `audit(request, "action")` of the application has its title here."""

from __future__ import annotations

from kezhi.language import Text

ACTIONS: dict[str, Text] = {
    "signed_in": Text("Signed in", "登录"),
    "signed_out": Text("Signed out", "退出"),
    "sign_in_failed": Text("Failed sign-in", "登录失败"),
    "locked_out": Text("Locked after failed sign-ins", "多次登录失败后锁定"),
    "first_administrator": Text("First administrator made", "创建首位管理员"),
    "person_added": Text("Person added", "新增人员"),
    "person_changed": Text("Role or rights changed", "修改角色或权限"),
    "person_ended": Text("Access ended", "停用人员"),
    "person_resumed": Text("Access resumed", "恢复人员"),
    "link_made": Text("One-time link made", "生成一次性链接"),
    "password_set": Text("Password set by link", "通过链接设置密码"),
    "password_changed": Text("Password changed", "修改密码"),
    "audit_exported": Text("Audit log exported", "导出审计日志"),
    "view_saved": Text("View of the list saved", "保存列表视图"),
    "view_deleted": Text("View of the list deleted", "删除列表视图"),
    "segment_saved": Text("Segment saved", "保存分群"),
    "list_exported": Text("List of customers exported", "导出客户名单"),
    "personal_seen": Text("Personal data of a customer seen", "查看客户个人信息"),
}


def title_of(action: str) -> Text:
    """The action in words; its code where it has none yet."""
    return ACTIONS.get(action) or Text(action, action)
