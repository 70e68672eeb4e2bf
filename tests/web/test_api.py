"""The API: what a token may, what it is told, and what it is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from casting import Cast, Program
from kezhi_web.api.models import Token
from kezhi_web.people.models import Event
from kezhi_web.runs.models import Job


def ids(company: Path, owner: str | None = None) -> set[str]:
    import pyarrow.parquet as pq

    run = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    told = pq.read_table(company / "runs" / run / "attributes.parquet", columns=["customer_id", "owner"]).to_pylist()
    return {one["customer_id"] for one in told if owner is None or one["owner"] == owner}


def everything(program: Program, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    rows, after = [], None
    while True:
        page = program.get(path, **query, **({"after": after} if after else {})).json()
        rows += page["rows"]
        after = page["next"]
        if after is None:
            return rows


def test_pages_together_are_every_customer_once(shown_home: Path, cast: Cast, company: Path) -> None:
    """Paged by key, in order, whatever the order; equal values included."""
    program = Program(cast, "analyst")
    for sort in ("-forecast_value", "purchases", "customer_id"):
        rows = everything(program, "customers", limit=37, sort=sort, columns="customer_id,forecast_value,purchases")
        assert sorted(row["customer_id"] for row in rows) == sorted(ids(company))
        if sort == "purchases":
            assert [row["purchases"] for row in rows] == sorted(row["purchases"] for row in rows)


def test_money_is_exact(shown_home: Path, cast: Cast) -> None:
    """The values of the customers add up to the company's, to the cent."""
    from decimal import Decimal

    program = Program(cast, "analyst")
    rows = everything(program, "customers", limit=1000, columns="value")
    assert sum(Decimal(row["value"]) for row in rows) == Decimal(
        program.get("runs").json()["runs"][0]["totals"]["value"]
    )


def test_a_salespersons_token_sees_own_customers_only(shown_home: Path, cast: Cast, company: Path) -> None:
    """In every list; another owner's customer is not there."""
    program, own = Program(cast, "sales"), ids(company, cast.owner)
    assert {row["customer_id"] for row in everything(program, "customers", limit=500)} == own
    assert {row["customer_id"] for row in everything(program, "forecast/customers", limit=50)} <= own
    assert {row["customer_id"] for row in everything(program, "alerts", limit=50)} <= own
    foreign = sorted(ids(company) - own)[0]
    assert program.get(f"customers/{foreign}").status_code == 404
    assert program.get("forecast").status_code == 403


def test_names_only_with_the_scope_and_the_role(shown_home: Path, cast: Cast) -> None:
    """A token lends no right that its person lacks, and a person's right reaches it only by scope."""
    assert all(row["name"] for row in Program(cast, "marketer").get("customers", columns="name").json()["rows"][:3])
    for program in (Program(cast, "marketer", "read"), Program(cast, "analyst")):
        assert program.get("customers", columns="name").status_code == 400
    assert "name" not in Program(cast, "viewer").get("customers", limit=1).json()["rows"][0]


def test_one_customer_with_everything_of_theirs(shown_home: Path, cast: Cast) -> None:
    """Row, forecast, alerts, segments."""
    program = Program(cast, "analyst")
    best = program.get("customers", limit=1).json()["rows"][0]
    found = program.get(f"customers/{best['customer_id']}").json()
    assert found["customer"]["value"] == best["value"]
    assert [row["step"] for row in found["forecast"]] == [1, 2, 3]
    assert program.get("customers/nobody").status_code == 404


def test_the_companys_forecast(shown_home: Path, cast: Cast) -> None:
    """History, periods, total with interval."""
    found = Program(cast, "viewer").get("forecast").json()
    assert len(found["forecast"]) == 3
    assert found["total"]["value_lower"] < float(found["total"]["value"]) < found["total"]["value_upper"]


@pytest.mark.parametrize(("query", "said"), [("nowhere = 1", "no such field"), ("tier = ", "")])
def test_a_wrong_filter_is_told(shown_home: Path, cast: Cast, query: str, said: str) -> None:
    """With the sentence that the command line would say, in both languages."""
    answer = Program(cast, "analyst").get("customers", filter=query)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["en"]
    assert answer.json()["error"]["zh"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"limit": 10**9}])
def test_what_does_not_fit_the_description_is_refused(shown_home: Path, cast: Cast, query: dict[str, Any]) -> None:
    """With status 422, and the name of what is wrong."""
    answer = Program(cast, "analyst").get("customers", **query)
    assert answer.status_code == 422
    assert "limit" in answer.json()["error"]["en"]


@pytest.mark.parametrize("query", [{"after": "x"}, {"columns": "nothing"}, {"sort": "flags"}])
def test_what_cannot_be_meant_is_told(shown_home: Path, cast: Cast, query: dict[str, Any]) -> None:
    """A key that is none, a column that is not there, an order that does not exist."""
    assert Program(cast, "analyst").get("customers", **query).status_code == 400


def test_tokens_end(shown_home: Path, cast: Cast) -> None:
    """Revoked, out of date, of somebody who may not sign in, or made up: 401."""
    program = Program(cast, "analyst")
    assert program.get("runs").status_code == 200
    Token.objects.filter(pk=program.token.pk).update(ends_on=timezone.localdate() - timedelta(days=1))
    assert program.get("runs").status_code == 401
    Token.objects.filter(pk=program.token.pk).update(ends_on=None, revoked=True)
    assert program.get("runs").status_code == 401
    Token.objects.filter(pk=program.token.pk).update(revoked=False)
    program.token.person.user.is_active = False
    program.token.person.user.save()
    assert program.get("runs").status_code == 401
    assert Client().get("/api/runs", headers={"Authorization": "Bearer kz_made_up"}).status_code == 401
    assert Client().get("/api/runs").status_code == 401


def test_the_database_holds_no_token(cast: Cast) -> None:
    """Only its hash."""
    program = Program(cast, "analyst")
    assert program.said not in str(list(Token.objects.values()))


def test_a_list_as_a_file(shown_home: Path, cast: Cast) -> None:
    """With the right to export, counted, audited; without it refused."""
    answer = Program(cast, "marketer").get("export", format="csv", columns="customer_id,value")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert answer.status_code == 200
    assert len(text.strip().splitlines()) == 1 + int(answer["X-Customers"])
    assert Event.objects.filter(action="list_exported", told__by="api").exists()
    assert Program(cast, "viewer").get("export").status_code == 403


LISTED = "customer_id,tier,region,value,p_alive,last_purchase,potential,flags,consent"


@pytest.mark.parametrize("query", [{}, {"filter": "value > 100 and tier != 'vip'", "only_consenting": "true"}])
def test_a_list_that_begins_at_once_is_kezhis_own_export(
    shown_home: Path, cast: Cast, tmp_path: Path, query: dict[str, str]
) -> None:
    """Cell for cell and in its order, as CSV and Parquet; with the same counts; without an order the same customers."""
    import pyarrow.parquet as pq

    import kezhi

    program = Program(cast, "analyst")
    for form in ("csv", "parquet"):
        asked = query | {"format": form, "columns": LISTED}
        answer = program.get("export", **asked, sort="-value")
        found, expected = tmp_path / f"found.{form}", tmp_path / f"expected.{form}"
        found.write_bytes(answer.getvalue())
        told = kezhi.export(
            shown_home,
            query.get("filter", "all"),
            expected,
            columns=LISTED.split(","),
            only_consenting="only_consenting" in query,
            by="value",
            language="en",
        )
        counts = {name: answer[f"X-{name.title()}"] for name in ("customers", "excluded", "refused", "unknown")}
        assert counts == {name: str(getattr(told, name)) for name in counts}
        assert told.customers
        assert told.refused
        plain = program.get("export", **asked).getvalue()
        if form == "csv":
            assert found.read_bytes() == expected.read_bytes()
            assert sorted(plain.splitlines()) == sorted(expected.read_bytes().splitlines())
        else:
            assert pq.read_table(found).equals(pq.read_table(expected).cast(pq.read_schema(found)))
    assert not list((shown_home / "web" / "exports").iterdir())


def test_a_list_that_ends_early_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """Half a file is never taken for the whole; who goes away half way ends the work."""
    from kezhi_web.customers.piping import Task
    from kezhi_web.customers.streaming import Stream

    def begun(rows: str) -> Stream:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        counts = "select may, count(*) from verdict group by may"
        made = "create table verdict as select 'yes' as may"
        return Stream(Task("csv", made, counts, rows, ("a",), str(scratch)), only_consenting=False)

    broken = begun("select case when range > 100000 then error('no') else range end from range(200000)")
    with pytest.raises(OSError, match="before its end"):
        list(broken)
    assert not list(tmp_path.iterdir())
    left = begun("select range from range(10000000)")
    next(left)
    left.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["name = 'X'", "Name contains 'X'", "NAME = 'X'"])
def test_who_may_not_see_names_cannot_ask_for_them_either(shown_home: Path, cast: Cast, where: str) -> None:
    """Whom such a filter chooses would tell the name: refused in lists, in every form of a file, in corrections."""
    program = Program(cast, "analyst")
    asked = {"figure": "margin", "change": "-5pt", "where": where, "why": "names", "dry": True}
    answers = [
        program.get("customers", filter=where),
        *(program.get("export", filter=where, format=form) for form in ("csv", "parquet", "xlsx")),
        program.send("POST", "corrections", asked),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert "may not see the field" in answer.json()["error"]["en"]
    assert Program(cast, "administrator").get("customers", filter=where).status_code == 200


def test_who_looked_at_a_customers_name_is_noted(shown_home: Path, cast: Cast, company: Path) -> None:
    """As on the customer's page; without the scope there is no name and no note."""
    customer = sorted(ids(company))[0]
    Program(cast, "marketer", "read").get(f"customers/{customer}")
    assert not Event.objects.filter(action="personal_seen").exists()
    Program(cast, "marketer").get(f"customers/{customer}")
    assert Event.objects.get(action="personal_seen").told == {"customer_id": customer}


def test_a_run_is_started_looked_at_and_cancelled(home: Path, cast: Cast) -> None:
    """As a job; a model that does not exist is refused."""
    program = Program(cast, "analyst")
    started = program.send("POST", "runs", {"model": "bg_nbd"})
    assert started.status_code == 202
    number = started.json()["id"]
    assert program.get(f"jobs/{number}").json()["state"] == "waiting"
    assert program.send("DELETE", f"jobs/{number}").json()["state"] == "cancelled"
    assert Job.objects.get(pk=number).asked["model"] == "bg_nbd"
    assert program.send("POST", "runs", {"model": "none"}).status_code == 400
    assert Program(cast, "viewer").send("POST", "runs", {}).status_code == 403
    assert Program(cast, "viewer").get(f"jobs/{number}").status_code == 404


def test_a_correction_is_tried_and_confirmed(home: Path, cast: Cast) -> None:
    """Dry it writes nothing; confirmed it becomes a job; what cannot be meant is refused."""
    program = Program(cast, "analyst")
    asked = {"figure": "margin", "change": "-5pt", "everyone": True, "why": "costs rise"}
    tried = program.send("POST", "corrections", asked | {"dry": True})
    assert tried.status_code == 202
    assert tried.json()["result"]["after"] < tried.json()["result"]["before"]
    assert not Job.objects.filter(kind="correction").exists()
    made = program.send("POST", "corrections", asked)
    assert made.json()["state"] == "confirmed"
    assert Job.objects.filter(kind="correction").count() == 1
    assert program.get(f"trials/{made.json()['id']}").json()["state"] == "confirmed"
    assert program.send("POST", "corrections", asked | {"change": "500%"}).status_code == 400
    assert program.send("POST", "corrections", asked | {"customer": "C1"}).status_code == 400
    assert program.send("DELETE", "corrections/99").status_code == 400
    assert program.get("corrections").json() == {"corrections": []}


def test_an_alert_is_closed(home: Path, cast: Cast) -> None:
    """By the same rules as on the page."""
    program = Program(cast, "marketer")
    rows = everything(program, "alerts", limit=100)
    assert rows
    key = {name: rows[0][name] for name in ("customer_id", "cause", "opened_on")}
    assert program.send("POST", "alerts", key).status_code == 400
    assert program.send("POST", "alerts", key | {"assign": "marketer"}).json() == {"changed": 1, "left": 0}
    assert program.send("POST", "alerts", key | {"outcome": "nothing such"}).status_code == 400


def test_a_file_is_imported(home: Path, cast: Cast) -> None:
    """It is looked at, then imported by the worker; what cannot be read says why."""
    program = Program(cast, "analyst")

    def upload(text: str, table: str) -> Any:
        return program.client.post(
            f"/api/imports?table={table}",
            {"file": SimpleUploadedFile("orders.csv", text.encode())},
            headers={"Authorization": f"Bearer {program.said}"},
        )

    fine = upload("customer_id,date,amount,order_id\nC1,2025-09-01,10.00,X1\n", "orders")
    assert fine.status_code == 202, fine.content
    assert fine.json()["trouble"] is None
    assert Job.objects.get(pk=fine.json()["job"]).kind == "import"
    assert upload("nothing\n1\n", "orders").json()["trouble"]["en"]
    assert upload("a,b\n", "no such table").status_code == 400
    assert program.get("imports").json()["imports"]


def test_the_page_of_tokens(shown_home: Path, cast: Cast) -> None:
    """A token is shown once; a token of somebody else is not revoked by an analyst."""
    client = cast["analyst"]
    page = client.post("/tokens/make", {"name": "ours", "scope": ["read"], "days": "30"}).content.decode()
    said = next(word for word in page.replace("<", " ").replace(">", " ").split() if word.startswith("kz_"))
    assert said not in client.get("/tokens").content.decode()
    assert client.post("/tokens/make", {"name": "", "scope": ["read"]}).status_code == 400
    other = Program(cast, "administrator").token
    assert client.post(f"/tokens/{other.pk}/revoke").status_code == 404
    own = Token.objects.get(name="ours")
    assert client.post(f"/tokens/{own.pk}/revoke").status_code == 302
    assert Event.objects.filter(action="token_revoked").exists()
    assert cast["viewer"].get("/tokens").status_code == 403
    assert client.get("/api/docs").status_code == 200
    assert cast["viewer"].get("/api/docs").status_code == 403
