"""Uploading files: what a person sees before anything counts, and what then stands in the book."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from kezhi.language import Text
from kezhi.workspace import Workspace
from kezhi_web import uploads
from kezhi_web.data import history, jobs_of, keeping, looking, writing
from kezhi_web.data.jobs_of import import_upload
from kezhi_web.data.keeping import files_of, folder_of
from kezhi_web.data.models import DONE, Upload
from kezhi_web.people.models import Event
from kezhi_web.runs.jobs import Cancelled
from kezhi_web.runs.models import Job

HEADINGS = ("订单编号", "买家会员名", "买家实际支付金额", "订单付款时间", "订单状态", "退款金额", "联系手机")
ROWS: tuple[tuple[Any, ...], ...] = (
    ("4001", "张三", 100.0, "2025-03-04 10:00:00", "交易成功", 0, "13800138000"),
    ("4002", "李四", 250.5, "2025-03-05 11:00:00", "交易成功", 50, "13900139000"),
    ("4003", "王五", 80.0, "", "等待买家付款", 0, "13700137000"),
    ("4004", "张三", 30.0, "2025-04-01 09:30:00", "交易成功", 0, "13800138000"),
)


@pytest.fixture(autouse=True)
def _look_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking in this process: a child would ask another database."""

    def begin(upload: Upload) -> bool:
        looking.look(upload)
        return False

    monkeypatch.setattr(looking, "begin", begin)


def workbook(rows: tuple[tuple[Any, ...], ...] = ROWS) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet("订单")
    for number, row in enumerate((HEADINGS, *rows)):
        sheet.write_row(number, 0, row)
    book.close()
    return file.getvalue()


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def send(client: Any, **files: bytes) -> Any:
    """Upload files; the name's last underscore stands for the point."""
    named = [SimpleUploadedFile(".".join(name.rsplit("_", 1)), content) for name, content in files.items()]
    return client.post("/data/upload", {"files": named}, follow=True)


def bring(client: Any, **files: bytes) -> None:
    """Upload and import."""
    send(client, **files)
    client.post(f"/data/uploads/{Upload.objects.latest('pk').pk}/import")
    work_off()


def text(response: Any) -> str:
    return response.content.decode()


def quiet(share: float, said: object) -> None:
    """Nobody listens."""


def work_off(kind: str = "import") -> list[dict[str, Any]]:
    return [import_upload(job, quiet) for job in Job.objects.filter(kind=kind).order_by("pk")]


def test_from_a_chinese_export_to_the_book(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    assert "Begin with your orders" in text(client.get("/data"))
    page = send(client, 订单_xlsx=workbook())
    said = text(page)
    assert "3 of 4 rows can be taken in" in said
    assert "Taobao and Tmall" in said
    assert "买家实际支付金额 - 退款金额" in said
    assert "等待买家付款" in said  # the row that is set aside, with what stands there
    assert not Workspace(empty_home).book_files("orders")  # nothing counts yet

    [upload] = Upload.objects.all()
    client.post(f"/data/uploads/{upload.pk}/import")
    assert "Waiting for the worker" in text(client.get(f"/data/uploads/{upload.pk}"))
    [result] = work_off()
    assert (result["accepted"], result["quarantined"]) == (3, 1)
    [file] = Workspace(empty_home).book_files("orders")
    assert [str(amount) for amount in pq.read_table(file)["amount"].to_pylist()] == ["100.0000", "200.5000", "30.0000"]
    said = text(client.get(f"/data/uploads/{upload.pk}"))
    assert "3 rows are in the book" in said
    assert "Start a run now" in said
    assert not folder_of(upload).exists()  # the files themselves are not kept
    assert Event.objects.filter(action="import_asked", told__rows=3).exists()


def test_an_interrupted_import_is_done_again_and_counts_once(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    send(client, orders_xlsx=workbook())
    upload = Upload.objects.get()
    client.post(f"/data/uploads/{upload.pk}/import")
    kept = [(path, path.read_bytes()) for path in files_of(upload)]
    work_off()
    Upload.objects.update(state="asked", entries=[])  # killed after the import, before that was written down
    for path, content in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    [result] = work_off()
    assert result["accepted"] == 3
    assert len(Workspace(empty_home).imports("orders")) == 1
    assert Upload.objects.get().state == DONE


def test_who_may_not_import(shown_home: Path, cast: Any) -> None:
    for role in ("marketer", "sales", "viewer"):
        assert cast[role].get("/data").status_code == 403
        assert cast[role].post("/data/upload").status_code == 403
        assert cast[role].get("/data/imports").status_code == 403
    assert cast.stranger.get("/data").status_code == 302
    assert cast["administrator"].get("/data/uploads/99").status_code == 404
    assert cast["administrator"].get("/data/imports?table=nonsense").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("orders_csv", b"", "is empty"),
        ("orders_pdf", b"%PDF-1.4 ...", "not a table"),
        ("orders_csv", b"PK\x03\x04 zip", "content is"),
    ],
)
def test_what_is_no_table_is_refused(empty_home: Path, cast: Any, name: str, content: bytes, sentence: str) -> None:
    assert sentence in text(send(cast["analyst"], **{name: content}))
    assert not Upload.objects.exists()
    assert not list((empty_home / "web").rglob("orders*"))


def test_files_of_several_tables_are_told_apart(empty_home: Path, cast: Any) -> None:
    orders = csv("customer_id,date,amount", "C1,2025-01-02,5.00", "C2,2025-01-03,6.00")
    more = csv("customer_id,date,amount", "C1,2025-02-02,5.00")
    contacts = csv("客户编号,联系日期,联系方式,内容", "C1,2025-01-05,电话,问候")
    send(cast["administrator"], a_csv=contacts, b_csv=orders, c_csv=more)
    found = {one.table: sorted(path.name for path in files_of(one)) for one in Upload.objects.all()}
    assert found == {"orders": ["b.csv", "c.csv"], "contacts": ["a.csv"]}


def test_a_column_that_is_not_recognised_is_asked_for(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    content = csv("wer,wann,wieviel,was", "A,03/04/2025,5.50,x", "B,05/04/2025,7.25,y")
    page = send(client, unknown_csv=content)
    assert 'name="need-customer_id"' in text(page)
    upload = Upload.objects.get()
    url = f"/data/uploads/{upload.pk}"
    client.post(f"{url}/import")
    assert not Job.objects.exists()  # it cannot be imported yet
    client.post(
        f"{url}/columns", {"table": "orders", "need-customer_id": "wer", "need-date": "wann", "need-amount": "wieviel"}
    )
    said = text(client.get(url))
    assert "whether the day or the month comes first" in said
    typed = {"column-0": "customer_id", "column-1": "date", "column-2": "amount", "column-3": ""}
    client.post(f"{url}/columns", {"table": "orders", **typed, "date_order": "dmy"})
    assert "2025-04-03 – 2025-04-05" in text(client.get(url))
    client.post(f"{url}/columns", {"table": "orders", **typed, "column-3": "amount", "date_order": "dmy"})
    assert "Two columns are both taken for" in text(client.get(url))
    client.post(
        f"{url}/columns",
        {"table": "orders", **typed, "date_order": "dmy", "constant-field": "channel", "constant-value": "shop 1"},
    )
    client.post(f"{url}/import")
    work_off()
    [file] = Workspace(empty_home).book_files("orders")
    assert pq.read_table(file)["channel"].to_pylist() == ["shop 1", "shop 1"]


def test_a_recognised_column_can_be_left_out(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    send(client, orders_csv=csv("customer_id,date,amount,channel", "C1,2025-01-02,5.00,online"))
    upload = Upload.objects.get()
    fields = {"column-0": "customer_id", "column-1": "date", "column-2": "amount", "column-3": ""}
    for _ in range(2):  # and stays so
        client.post(f"/data/uploads/{upload.pk}/columns", {"table": "orders", **fields})
        upload.refresh_from_db()
        assert upload.mapping == {"channel": "="}
    client.post(f"/data/uploads/{upload.pk}/import")
    work_off()
    [file] = Workspace(empty_home).book_files("orders")
    assert pq.read_table(file)["channel"].to_pylist() == [None]


def test_what_is_in_the_book_already_is_said(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    contacts = ["customer_id,date,channel", "C1,2025-01-05,phone", "C2,2025-01-06,visit"]
    send(client, contacts_csv=csv(*contacts))
    first = Upload.objects.get()
    client.post(f"/data/uploads/{first.pk}/import")
    work_off()
    assert "in the book already; importing it again changes nothing" in text(send(client, again_csv=csv(*contacts)))
    page = text(send(client, contacts2_csv=csv(*contacts, "C3,2025-01-07,phone")))
    assert "2 rows are in the book already, word for word" in page
    second = Upload.objects.order_by("-pk")[0]
    [earlier] = [one["sha256"] for one in Workspace(empty_home).imports("contacts")]
    client.post(f"/data/uploads/{second.pk}/import", {"replaces": [earlier, "never seen"]})
    work_off()
    [left] = Workspace(empty_home).imports("contacts")
    assert left["rows"]["accepted"] == 3


def test_newer_rows_of_the_same_number_replace_older_ones(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    send(client, orders_xlsx=workbook())
    client.post(f"/data/uploads/{Upload.objects.get().pk}/import")
    work_off()
    later = (*ROWS[:2], ("4009", "赵六", 10.0, "2025-04-02 09:30:00", "交易成功", 0, ""))
    assert "2 rows have a number that is in the book already" in text(send(client, more_xlsx=workbook(later)))


def test_two_currencies_are_stopped_before_the_import(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    send(client, orders_csv=csv("customer_id,date,amount,currency", "C1,2025-01-02,5.00,CNY"))
    client.post(f"/data/uploads/{Upload.objects.get().pk}/import")
    work_off()
    page = text(send(client, usd_csv=csv("customer_id,date,amount,currency", "C1,2025-02-02,5.00,USD")))
    assert "are in CNY and these are in USD" in page
    assert "Import 1 rows" not in page


def test_ways_to_reach_people_are_not_shown_to_all(empty_home: Path, cast: Any) -> None:
    send(cast["administrator"], orders_xlsx=workbook())
    url = f"/data/uploads/{Upload.objects.get().pk}"
    assert "13800138000" in text(cast["administrator"].get(url))
    assert "13800138000" not in text(cast["analyst"].get(url))


def test_throwing_an_upload_away(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    send(client, orders_xlsx=workbook())
    upload = Upload.objects.get()
    client.post(f"/data/uploads/{upload.pk}/drop")
    assert not Upload.objects.exists()
    assert not folder_of(upload).exists()


def test_a_run_needs_orders(empty_home: Path, cast: Any) -> None:
    cast["analyst"].post("/data/run")
    assert not Job.objects.exists()
    assert cast["marketer"].post("/data/run").status_code == 403


def test_a_run_is_asked_for_once(shown_home: Path, cast: Any) -> None:
    cast["analyst"].post("/data/run")
    cast["analyst"].post("/data/run")
    assert [job.kind for job in Job.objects.all()] == ["run"]


def test_an_upload_that_broke_off_is_shown_to_nobody_and_goes(
    empty_home: Path, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As if the process ended in the middle of the second file."""

    def half(upload: Upload) -> None:
        raise Killed

    def keep(file: Any, folder: Path) -> Path:
        if folder.name == "1":
            (folder.mkdir(), (folder / "b.csv").write_bytes(b"order_id,cust"))
            raise Killed
        return uploads.keep(file, folder)

    monkeypatch.setattr(keeping, "keep", keep)
    monkeypatch.setattr(keeping, "remove", half)  # nobody tidies up in a process that was killed
    files = [SimpleUploadedFile(f"{name}.csv", csv("customer_id,date,amount", "A,2025-01-01,1")) for name in "ab"]
    with pytest.raises(Killed):
        keeping.take_in(files, "orders", "administrator")
    monkeypatch.undo()
    upload = Upload.objects.get()
    assert "a.csv" not in text(cast["administrator"].get("/data"))
    assert cast["administrator"].get(f"/data/uploads/{upload.pk}").status_code == 404
    assert keeping.tidy(timezone.now()) == 0  # it might still be coming
    assert keeping.tidy(timezone.now() + timedelta(days=2)) == 1
    assert not folder_of(upload).exists()


def test_what_nobody_decides_on_goes_after_the_days_that_the_page_says(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    for name in ("old_csv", "asked_csv", "young_csv"):
        send(client, **{name: csv("customer_id,date,amount", f"{name},2025-01-01,1")})
    old, asked, young = Upload.objects.order_by("pk")
    assert "30 days after the upload" in text(client.get("/data"))
    client.post(f"/data/uploads/{asked.pk}/import")  # waits for the worker: not undecided
    now = timezone.now()
    Upload.objects.exclude(pk=young.pk).update(at=now - timedelta(days=30, hours=1))
    assert keeping.tidy(now) == 1
    assert not folder_of(old).exists()
    assert {one.pk for one in Upload.objects.all()} == {asked.pk, young.pk}
    assert folder_of(asked).exists()


def test_nothing_changes_under_an_import_and_only_what_was_seen_is_imported(empty_home: Path, cast: Any) -> None:
    client, other = cast["administrator"], cast["analyst"]
    page = send(client, orders_csv=csv("kunde,tag,betrag,other", "A,2025-01-01,1,100", "B,2025-01-02,2,200"))
    upload = Upload.objects.get()
    columns = {"column-0": "customer_id", "column-1": "date", "table": "orders"}
    page = client.post(f"/data/uploads/{upload.pk}/columns", columns | {"column-2": "amount"}, follow=True)
    assert "2 · 3.00" in text(page)
    [seen] = re.findall(r'name="seen" value="([^"]+)"', text(page))
    other.post(f"/data/uploads/{upload.pk}/columns", columns | {"column-3": "amount"})
    page = client.post(f"/data/uploads/{upload.pk}/import", {"seen": seen}, follow=True)
    assert "have changed since you looked" in text(page)
    assert "2 · 300.00" in text(page)
    assert not Job.objects.exists()

    [seen] = re.findall(r'name="seen" value="([^"]+)"', text(page))
    client.post(f"/data/uploads/{upload.pk}/import", {"seen": seen})
    page = other.post(f"/data/uploads/{upload.pk}/columns", columns | {"column-2": "amount"}, follow=True)
    assert "These files are being imported" in text(page)
    work_off()
    [file] = Workspace(empty_home).book_files("orders")
    assert sorted(pq.read_table(file)["amount"].to_pylist()) == [100, 200]


def test_replacing_is_stopped_before_anything_counts_or_not_at_all(
    empty_home: Path, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cast["administrator"]
    bring(client, may_csv=csv("customer_id,date,amount", "A,2025-05-01,1"))
    [before] = Workspace(empty_home).imports("orders")
    send(client, may_csv=csv("customer_id,date,amount", "A,2025-05-01,2"))
    upload = Upload.objects.exclude(state=DONE).get()
    client.post(f"/data/uploads/{upload.pk}/import", {"replaces": before["sha256"]})
    job = Job.objects.get(asked__upload=upload.pk)

    def cancelled_while(kind: Text) -> Any:
        def tell(share: float, said: Text) -> None:
            if said == kind:
                raise Cancelled

        return tell

    # the name in the room, not the clock of the process: threads of other libraries sleep too
    monkeypatch.setattr(writing, "time", SimpleNamespace(sleep=lambda _: Job.objects.filter(kind="run").delete()))
    Job.objects.create(kind="run", state="working")
    with pytest.raises(Cancelled):
        import_upload(job, cancelled_while(writing.RUN_AT_WORK))
    assert Workspace(empty_home).imports("orders") == [before]
    import_upload(job, cancelled_while(jobs_of.TAKING_BACK))
    [file] = Workspace(empty_home).book_files("orders")
    assert pq.read_table(file)["amount"].to_pylist() == [2]


def test_files_of_two_currencies_are_not_taken_together(empty_home: Path, cast: Any) -> None:
    heading = "order_id,customer_id,date,amount,currency"
    page = send(
        cast["administrator"],
        a_csv=csv(heading, "1,A,2025-01-01,1,USD"),
        b_csv=csv(heading, "2,A,2025-01-01,1,EUR"),
    )
    assert "These files are in EUR, USD" in text(page)
    assert "Import 2 rows" not in text(page)


def test_orders_that_moved_to_another_day_are_told_apart_from_replaced_ones(empty_home: Path, cast: Any) -> None:
    client, heading = cast["administrator"], "order_id,customer_id,date,amount"
    bring(client, may_csv=csv(heading, "1,A,2025-05-01,5", "2,A,2025-05-02,5", "3,B,2025-05-03,5"))
    page = send(client, new_csv=csv(heading, "1,A,2025-05-01,6", "2,A,2025-06-02,6", "3,B,2025-06-04,-5"))
    assert "1 rows have a number that is in the book already" in text(page)
    assert "1 sales have an order number that the book has with another customer or another day" in text(page)


def test_what_is_recognised_is_shown_though_something_is_missing(empty_home: Path, cast: Any) -> None:
    file = SimpleUploadedFile("a.csv", csv("Order id,Amount,date", "1,5,03/04/2025"))
    page = text(cast["administrator"].post("/data/upload", {"files": [file], "table": "orders"}, follow=True))
    assert "Needed: Customer id" in page
    assert re.search(r'<option value="order_id" selected>', page)
    assert re.search(r'<option value="date" selected>', page)


def test_a_file_whose_headings_differ_is_named(empty_home: Path, cast: Any) -> None:
    client = cast["administrator"]
    files = [
        SimpleUploadedFile("a.csv", csv("kunde,date,amount", "A,2025-01-01,1")),
        SimpleUploadedFile("b.csv", csv("client no.,date,amount", "A,2025-01-02,1")),
    ]
    client.post("/data/upload", {"files": files, "table": "orders"})
    upload = Upload.objects.get()
    page = client.post(
        f"/data/uploads/{upload.pk}/columns", {"table": "orders", "need-customer_id": "kunde"}, follow=True
    )
    assert "b.csv has no column “kunde”, which was chosen for “Customer id”" in html.unescape(text(page))
    assert "--map" not in text(page)


def test_a_file_called_like_what_people_record_is_an_ordinary_one(empty_home: Path, cast: Any) -> None:
    rows = {"customer_id": ["A"], "date": ["2025-01-01"], "channel": ["phone"]}
    file = io.BytesIO()
    pq.write_table(pa.table(rows), file)
    client = cast["administrator"]
    bring(client, **{"recorded-contacts_parquet": file.getvalue()})
    [entry] = Workspace(empty_home).imports("contacts")
    client.post(f"/data/imports/contacts/{entry['sha256']}/back")
    assert Job.objects.filter(asked__take_back=entry["sha256"]).exists()


def test_an_import_that_came_again_belongs_to_who_brought_it_last(empty_home: Path, cast: Any) -> None:
    rows = csv("customer_id,date,amount", "A,2025-05-01,1")
    bring(cast["administrator"], may_csv=rows)
    [entry] = Workspace(empty_home).imports("orders")
    cast["administrator"].post(f"/data/imports/orders/{entry['sha256']}/back")
    work_off()
    bring(cast["analyst"], may_csv=rows)
    [known] = history.imports("orders")
    assert known.by == "analyst"
