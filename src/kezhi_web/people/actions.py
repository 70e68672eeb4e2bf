"""What the audit log calls each action; every `audit(request, "action")` of the application has its title here.

Names are words with underscores, what it was done to before what was done: `import_taken_back`.
"""

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
    "list_exported": Text("List of customers exported", "导出客户名单"),
    "personal_seen": Text("Personal data of a customer seen", "查看客户个人信息"),
    "segment_saved": Text("Segment saved", "保存分群"),
    "segment_dropped": Text("Segment dropped", "删除分群"),
    "alerts_assigned": Text("Alerts assigned", "分派预警"),
    "alerts_put_off": Text("Alerts put off", "暂缓预警"),
    "alerts_taken_up": Text("Alerts taken up again", "恢复预警"),
    "alerts_closed": Text("Alerts closed with an outcome", "关闭预警并记录结果"),
    "alerts_reopened": Text("Alerts opened again", "重新打开预警"),
    "alerts_exported": Text("Alerts exported", "导出预警"),
    "recorded": Text("Something recorded of a customer", "记录客户信息"),
    "record_changed": Text("Record changed", "修改记录"),
    "record_withdrawn": Text("Record withdrawn", "撤回记录"),
    "record_restored": Text("Record restored", "恢复记录"),
    "correction_confirmed": Text("Correction confirmed", "确认修正"),
    "corrections_sheet_exported": Text("Sheet of corrections downloaded", "下载修正表"),
    "files_uploaded": Text("Files uploaded", "上传文件"),
    "upload_thrown_away": Text("Upload thrown away", "放弃上传"),
    "import_asked": Text("Import asked for", "请求导入"),
    "import_taken_back": Text("Import taken back", "撤回导入"),
    "quarantine_exported": Text("Rejected rows downloaded", "下载被拒绝的行"),
    "run_asked": Text("Run asked for", "请求运行"),
    "run_cancelled": Text("Run cancelled", "取消运行"),
    "run_deleted": Text("Run deleted", "删除运行"),
    "nightly_run_set": Text("Nightly run set", "设置夜间运行"),
    "report_downloaded": Text("Report downloaded", "下载报告"),
    "job_cancelled": Text("Work cancelled", "取消任务"),
    "job_asked_again": Text("Work asked for again", "重新执行任务"),
    "setting_changed": Text("Setting changed", "修改设置"),
    "token_made": Text("API token made", "创建 API 令牌"),
    "token_revoked": Text("API token revoked", "吊销 API 令牌"),
    "webhook_made": Text("Webhook made", "创建 Webhook"),
    "webhook_dropped": Text("Webhook dropped", "删除 Webhook"),
    "delivery_repeated": Text("Webhook sent again", "重新发送 Webhook"),
}


def title_of(action: str) -> Text:
    """The action in words; its code where it has none."""
    return ACTIONS.get(action) or Text(action, action)
