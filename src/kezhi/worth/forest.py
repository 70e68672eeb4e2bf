"""Who sent whom: the forest that the customers' referrers make, and what comes together below each of them.

Pointers are doubled: when every customer knows an ancestor 2^k levels up and the sum of the 2^k levels below, one join
gives 2^(k+1) of both. Chains of any length take as many steps as their length has binary digits (Wyllie, The
complexity of parallel computations, 1979: pointer jumping).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.ledger import SUM, as_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.worth.work import Work

MEASURES = ("amount", "value", "forecast_value")
_FADED = "decimal(28, 8)"  # shares of sums: finer than money
PROBLEMS = ("self", "unknown", "cycle", "late", "several")


@dataclass(frozen=True)
class Forest:
    """The links that count, as stored tables; only customers with a part in a referral are in it.

    members: node (the forest's own key), customer (the ledger's; null for who has no account), customer_id, parent
    (node; null for a root), referrer_id, root (node), root_id, generation (0 for a root), referrals (customers sent),
    descendants (of all generations); amount, value, forecast_value: their own; and for each of these `first_*` (those
    they sent), `all_*` (all generations below), `credited_*` (as the settings say). leaps: for k = 0, 1, ... the pairs
    node, up of customers with an ancestor 2^k levels up. problems: customer_id, referrer_id, problem (see PROBLEMS).
    """

    members: ir.Table
    leaps: tuple[ir.Table, ...]
    problems: ir.Table
    counts: dict[str, int]


def grow(work: Work) -> Forest | None:
    """The forest of a company's referrals as known at `as_of`; None where no customer has a referrer."""
    claims = _claims(work)
    if claims is None:
        return None
    engine = work.engine
    checked = _checked(work, claims)
    links = engine.store(checked.filter(checked.problem.isnull()).select("customer_id", "referrer_id"))
    nodes = _nodes(work, links)
    leaps, state, circular = _leapt(engine, nodes, _decay(work))
    if circular is not None:
        nodes = engine.settle(_cut(nodes, circular))
        leaps, state, _ = _leapt(engine, nodes, _decay(work))
    members = engine.store(_named(_finished(state, nodes), nodes, work.settings.referrals.credit))
    problems = engine.store(_problems(work, claims, checked, circular, nodes))
    counted: Any = problems.count()
    rows = engine.fetch(problems.group_by("problem").aggregate(rows=counted)).to_pylist()
    return Forest(members, leaps, problems, {row["problem"]: row["rows"] for row in rows})


def branches(engine: Engine, forest: Forest, tops: ir.Table) -> ir.Table:
    """Everybody below some members: top, node, distance (0 for the member itself); `tops` have `node`.

    Rows add up over the tops: ask for few.
    """
    found = engine.settle(tops.select(top="node", node="node", distance=_zero("int32")))
    for step, leap in enumerate(forest.leaps):
        below = found.join(leap, found.node == leap.up, rname="{name}_below")
        deeper: Any = below.distance + 2**step
        found = engine.settle(
            found.union(below.select("top", node=below.node_below, distance=deeper.cast("int32"))),
        )
    return found


# --- the links ---------------------------------------------------------------------------------------------


def _claims(work: Work) -> ir.Table | None:
    """customer_id, referrer_id, other_id of who is said to have been sent by somebody; None where nobody is."""
    people = work.book.customers
    if people is None or "referrer_id" not in people.columns:
        return None
    said = _registered(work).filter(lambda t: t.referrer_id.notnull())
    claims = work.engine.store(
        said.group_by("customer_id").aggregate(referrer_id=said.referrer_id.min(), other_id=said.referrer_id.max())
    )
    some = work.engine.row(claims.aggregate(rows=claims.count()))["rows"]
    return claims if some else None


def _registered(work: Work) -> ir.Table:
    """Rows of the customers' table as known at `as_of`: who came later is not there yet, who bought by then is."""
    people = work.book.customers
    assert people is not None, "asked only where there are customers"
    if "acquired_on" not in people.columns:
        return people
    early: Any = people.acquired_on.isnull() | (people.acquired_on <= work.as_of)
    bought = people.filter(~early).semi_join(work.ledger.people, "customer_id")
    return people.filter(early).union(bought)


def _checked(work: Work, claims: ir.Table) -> ir.Table:
    """Claims with what makes a link unusable: customer_id, referrer_id, problem (null where nothing does)."""
    import ibis

    known = _registered(work).select("customer_id").union(work.ledger.people.select("customer_id")).distinct()
    found = claims.left_join(known.select(known_id="customer_id"), claims.referrer_id == known.customer_id)
    own: Any = found.referrer_id == found.customer_id
    problem = ibis.cases((own, "self"), (found.known_id.isnull(), "unknown"), else_=ibis.null("string"))
    return work.engine.store(found.select("customer_id", "referrer_id", problem=problem))


def _nodes(work: Work, links: ir.Table) -> ir.Table:
    """Everybody with a part in a link: node, customer, customer_id, parent (node), their own measures."""
    engine = work.engine
    ids = links.select("customer_id").union(links.select(customer_id="referrer_id")).distinct()
    keyed = engine.keyed(ids).rename(node="customer")
    parents = links.join(keyed.select(parent="node", parent_id="customer_id"), [("referrer_id", "parent_id")])
    linked = keyed.left_join(parents.select("parent", child_id="customer_id"), [("customer_id", "child_id")])
    money = work.figures.select("customer", *MEASURES, known_id="customer_id")
    worth = linked.left_join(money, [("customer_id", "known_id")])
    zero: Any = _zero(SUM)
    return engine.settle(
        worth.select(
            "node",
            "customer",
            "customer_id",
            "parent",
            **{name: worth[name].cast(SUM).coalesce(zero) for name in MEASURES},
        )
    )


def _cut(nodes: ir.Table, circular: ir.Table) -> ir.Table:
    """Members of a cycle lose their referrer; those below them keep theirs."""
    import ibis

    marked = nodes.left_join(circular.select(in_cycle="node"), nodes.node == circular.node)
    parent = ibis.ifelse(marked.in_cycle.isnull(), marked.parent, None)
    return marked.mutate(parent=parent).drop("in_cycle")


def _problems(work: Work, claims: ir.Table, checked: ir.Table, circular: ir.Table | None, nodes: ir.Table) -> ir.Table:
    """customer_id, referrer_id, problem: the links that are ignored, and those that stand but are doubtful."""
    import ibis

    usable = checked.filter(checked.problem.isnull())
    parts = [checked.filter(checked.problem.notnull())]
    if circular is not None:
        members = nodes.semi_join(circular, "node").select("customer_id")
        parts.append(usable.semi_join(members, "customer_id").mutate(problem=_word("cycle")))
        usable = usable.anti_join(members, "customer_id")
    since = _since(work)
    dated = usable.join(since.select(own_id="customer_id", own="since"), [("customer_id", "own_id")])
    dated = dated.join(since.select(their_id="customer_id", their="since"), [("referrer_id", "their_id")])
    late = dated.filter(dated.their > dated.own)
    parts.append(late.select("customer_id", "referrer_id", problem=_word("late")))
    several = claims.filter(claims.other_id != claims.referrer_id)
    parts.append(several.select("customer_id", "referrer_id", problem=_word("several")))
    return ibis.union(*(part.select("customer_id", "referrer_id", "problem") for part in parts))


def _since(work: Work) -> ir.Table:
    """customer_id and the day on which each became a customer: as registered, else the first purchase."""
    bought = work.figures.select("customer_id", since="first_purchase")
    people = work.book.customers
    assert people is not None, "asked only where there are customers"
    if "acquired_on" not in people.columns:
        return bought.filter(bought.since.notnull())
    told = people.filter(people.acquired_on.notnull())
    told = told.group_by("customer_id").aggregate(since=told.acquired_on.min())
    return told.union(bought.filter(bought.since.notnull()).anti_join(told, "customer_id"))


def _word(text: str) -> Any:
    import ibis

    return ibis.literal(text)


def _zero(kind: str) -> Any:
    import ibis

    return ibis.literal(0).cast(kind)


# --- sums over what lies below ----------------------------------------------------------------------------


def _decay(work: Work) -> float | None:
    """The share that is left with every generation; None where it need not be computed apart."""
    chosen = work.settings.referrals
    return chosen.decay if chosen.credit == "decay" else None


def _leapt(
    engine: Engine, nodes: ir.Table, decay: float | None
) -> tuple[tuple[ir.Table, ...], ir.Table, ir.Table | None]:
    """The leaps, what everybody knows after the last of them (see `_begun`), and the members of cycles (node), if any.

    Who stands at the end of leaps of 2^k levels must become fewer with every k, down to none. Where they do not, they
    are the members of cycles: nothing else is worth knowing then, and all begins anew without the links between them.
    """
    leaps: list[ir.Table] = []
    state, before = engine.settle(_begun(nodes, decay)), -1
    while True:
        leap = engine.settle(state.filter(state.up.notnull()).select("node", "up"))
        ends = engine.row(leap.aggregate(ends=leap.up.nunique()))["ends"]
        if not ends:
            return tuple(leaps), state, None
        if ends == before:
            return (), state, engine.settle(leap.select(node="up").distinct())
        leaps.append(leap)
        further = engine.settle(_further(state, 2 ** (len(leaps) - 1), decay))
        engine.forget(state)
        state, before = further, ends


def _begun(nodes: ir.Table, decay: float | None) -> ir.Table:
    """Everybody as they stand alone, with a leap of one level.

    node, up (where the leap ends), root (the farthest ancestor seen), generation (levels up to it), descendants, all_*
    (with their own), and faded_* (their own and, by `decay` less with each generation, what is below) with a decay.
    """
    linked: Any = nodes.parent.notnull()
    return nodes.select(
        "node",
        up="parent",
        root=nodes.parent.coalesce(nodes.node),
        generation=linked.cast("int64"),
        descendants=_zero("int64"),
        **{f"all_{name}": nodes[name] for name in MEASURES},
        **({} if decay is None else {f"faded_{name}": nodes[name].cast(_FADED) for name in MEASURES}),
    )


def _further(state: ir.Table, levels: int, decay: float | None) -> ir.Table:
    """The state after leaps of twice `levels`: what those `levels` below know is added, and the leap's end asked on."""
    sums = [f"all_{name}" for name in MEASURES]
    faded = [] if decay is None else [f"faded_{name}" for name in MEASURES]
    below = (
        state.filter(state.up.notnull())
        .group_by(at="up")
        .aggregate(
            more=lambda t: (t.descendants + 1).sum().cast("int64"),
            **{f"{name}_below": state[name].sum() for name in [*sums, *faded]},
        )
    )
    ends = state.select(end="node", end_up="up", end_root="root", end_generation="generation")
    both = state.left_join(below, state.node == below["at"])
    both = both.left_join(ends, [("up", "end")])
    share = 0.0 if decay is None else decay**levels
    return both.select(
        "node",
        up="end_up",
        root=both.end_root.coalesce(both.root),
        generation=both.generation + both.end_generation.coalesce(0),
        descendants=both.descendants + both.more.coalesce(0),
        **{name: as_sum(both[name] + both[f"{name}_below"].cast(SUM).coalesce(_zero(SUM))) for name in sums},
        **{name: _plus_share(both[name], both[f"{name}_below"], share) for name in faded},
    )


def _plus_share(own: Any, below: Any, share: float) -> Any:
    """Decimals too, so that the result does not depend on the order of the rows."""
    part = (below.cast("float64") * share).coalesce(0.0).cast(_FADED)
    return (own + part).cast("decimal(38, 8)").cast(_FADED)


def _finished(state: ir.Table, nodes: ir.Table) -> ir.Table:
    """Sums without one's own, beside the sums over those sent by oneself.

    node, root, generation, descendants, referrals, first_*, all_*, and faded_* where a decay was given.
    """
    names = [name for name in state.columns if name.startswith("faded_")]
    own = nodes.select(own_node="node", parent="parent", **{f"own_{name}": nodes[name] for name in MEASURES})
    both = state.join(own, [("node", "own_node")])
    sent: Any = both.filter(both.parent.notnull())
    direct = sent.group_by(of="parent").aggregate(
        referrals=sent.count(),
        **{f"first_{name}": sent[f"own_{name}"].sum() for name in MEASURES},
        **{name: sent[name].sum() for name in names},
    )
    whole = both.drop(*names).left_join(direct, [("node", "of")])
    zero = _zero(SUM)
    first = {f"first_{name}": whole[f"first_{name}"].cast(SUM).coalesce(zero) for name in MEASURES}
    every = {f"all_{name}": as_sum(whole[f"all_{name}"] - whole[f"own_{name}"]) for name in MEASURES}
    faded = {name: whole[name].cast("decimal(38, 4)").cast(SUM).coalesce(zero) for name in names}
    referrals: Any = whole.referrals.coalesce(0).cast("int64")
    return whole.select("node", "root", "generation", "descendants", referrals=referrals, **first, **every, **faded)


def _named(grown: ir.Table, nodes: ir.Table, credit: str) -> ir.Table:
    """The forest's members with the ids of their referrer and root, and what is credited to them."""
    source = {"first": "first", "all": "all", "decay": "faded"}[credit]
    ids = nodes.select(id_node="node", id_of="customer_id")
    both = nodes.join(grown.rename(grown_node="node"), [("node", "grown_node")])
    both = both.left_join(ids.rename(referrer_id="id_of", p_node="id_node"), [("parent", "p_node")])
    both = both.join(ids.rename(root_id="id_of", r_node="id_node"), [("root", "r_node")])
    rules = {f"{rule}_{name}": both[f"{rule}_{name}"] for rule in ("first", "all") for name in MEASURES}
    credited = {f"credited_{name}": both[f"{source}_{name}"] for name in MEASURES}
    return both.select(
        *("node", "customer", "customer_id", "parent", "referrer_id", "root", "root_id"),
        *("generation", "referrals", "descendants", *MEASURES),
        **rules,
        **credited,
    )
